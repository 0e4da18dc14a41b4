#include "pg/plan/rechecked_conditions.hpp"

#include "pg/plan/index_paths.hpp"
#include "pg/plan/leading_index.hpp"
#include "pg/plan/noticeable.hpp"
#include "pg/plan/trusted_conditions.hpp"
#include "pg/plan/users_code.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/prep.h"
}

// The comparison value of an index condition is evaluated once, when the scan begins, whatever rows there
// are. It is evaluated again on each row where the index returns rows that may not match: a hash index, a
// BRIN or GiST index, a bitmap that has grown too large. A user's function would be called there, before the
// filter, as often as hidden rows match. A btree returns matching rows only.
//
// A row that another transaction has changed meanwhile is a further case: a statement that changes or locks
// rows waits for it, and evaluates the conditions of any index on the new version, which can be hidden by
// now.
//
// Of several bitmaps, the next one's values are evaluated only if those before found a row, hidden or not: an
// error, or a sub-select that runs, would tell. So no bitmap is combined with one whose condition can be
// noticed.

namespace tenancy::pg {
namespace {

enum class Place { alone, of_new_versions, bitmap, combined };

// The conditions that are kept from rechecks.
struct Kept {
  const List *conditions;
  // Of a view's filter, for which nobody asks whether a condition is leakproof
  bool is_unasked;
};

// Conditions that join, and some sides of an OR, are made anew for a path, and others were let in by whoever
// trusts their functions.
bool is_among(const Kept &kept, const RestrictInfo *condition, const RelOptInfo *relation) {
  if (list_member_ptr(kept.conditions, condition)) return true;
  const bool is_made_anew = kept.is_unasked && !list_member_ptr(relation->baserestrictinfo, condition);
  return (condition->leakproof || is_made_anew) &&
         is_noticeable(reinterpret_cast<Node *>(condition->clause), relation->relids);
}

// On each row again, for as long as it takes. A condition that reads columns by leaky functions is here since
// somebody trusts these, and waits for nothing else.
bool tells_when_rechecked(const RestrictInfo *condition, Relids own) {
  auto *clause = reinterpret_cast<Node *>(condition->clause);
  return runs_users_code(clause) || hashes(clause) ||
         (!contain_leaked_vars(clause) && can_take_long(clause, own));
}

bool has_any(const IndexPath *scan, const Kept &kept, Place place) {
  const ListCell *cell = nullptr;
  foreach (cell, scan->indexclauses)
    if (auto *condition = lfirst_node(IndexClause, cell)->rinfo;
        is_among(kept, condition, scan->path.parent) &&
        (place == Place::combined || tells_when_rechecked(condition, scan->path.parent->relids)))
      return true;
  return false;
}

// GiST and SP-GiST compute distances of entries, before the filter, and where these can be too short, of rows
// again. Those of the server raise errors for some: points and numbers that are too far away.
bool tells_by_distance(const IndexPath *scan) {
  const Oid method = scan->indexinfo->relam;
  if (method != GIST_AM_OID && method != SPGIST_AM_OID) return false;
  const ListCell *cell = nullptr;
  foreach (cell, scan->indexorderbys)
    if (!is_trusted(nullptr, static_cast<Node *>(lfirst(cell)), true)) return true;
  return false;
}

// The target of UPDATE, DELETE and MERGE, and what FOR UPDATE and the like name; also their partitions. Other
// tables' rows stay those that the statement has read.
bool waits_for_rows(const PlannerInfo *root, const RelOptInfo *relation) {
  if (bms_is_member(static_cast<int>(relation->relid), root->all_result_relids)) return true;
  const PlanRowMark *mark = get_plan_rowmark(root->rowMarks, relation->relid);
  return mark != nullptr && RowMarkRequiresRowShareLock(mark->markType);
}

bool rechecks(const Path *path, const Kept &kept, Place place);

bool any_rechecks(const List *paths, const Kept &kept, Place place) {
  const ListCell *cell = nullptr;
  foreach (cell, paths)
    if (rechecks(static_cast<Path *>(lfirst(cell)), kept, place)) return true;
  return false;
}

// NOLINTNEXTLINE(misc-no-recursion)
bool rechecks(const Path *path, const Kept &kept, Place place) {
  switch (nodeTag(path)) {
    case T_IndexPath: {
      const auto *scan = reinterpret_cast<const IndexPath *>(path);
      return ((place != Place::alone || scan->indexinfo->relam != BTREE_AM_OID) &&
              has_any(scan, kept, place)) ||
             tells_by_distance(scan);
    }
    case T_BitmapHeapPath:
      return rechecks(reinterpret_cast<const BitmapHeapPath *>(path)->bitmapqual, kept, Place::bitmap);
    case T_BitmapAndPath:
      return any_rechecks(reinterpret_cast<const BitmapAndPath *>(path)->bitmapquals, kept, Place::combined);
    case T_BitmapOrPath:
      return any_rechecks(reinterpret_cast<const BitmapOrPath *>(path)->bitmapquals, kept, place);
    default:
      return false;
  }
}

List *without_rechecks(const List *paths, const Kept &kept, Place place) {
  List *result = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, paths)
    if (!rechecks(static_cast<Path *>(lfirst(cell)), kept, place)) result = lappend(result, lfirst(cell));
  return result;
}

// --- other paths

void add_index_paths(PlannerInfo *root, RelOptInfo *relation, List *indexes, const Kept &kept, Place place) {
  const MadePaths made = make_index_paths(root, relation, indexes);
  add_made_paths(relation, {without_rechecks(made.paths, kept, place),
                            without_rechecks(made.partial_paths, kept, place)});
}

// The conditions in btree indexes only, and not in a bitmap of these.
void add_btree_paths(PlannerInfo *root, RelOptInfo *relation, const Kept &kept, Place place) {
  List *indexes = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, relation->indexlist) {
    const auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
    if (index->relam != BTREE_AM_OID) continue;
    auto *without_bitmap = static_cast<IndexOptInfo *>(palloc(sizeof(IndexOptInfo)));
    *without_bitmap = *index;
    without_bitmap->amhasgetbitmap = false;
    indexes = lappend(indexes, without_bitmap);
  }
  set_leakproof(kept.conditions, true);
  add_index_paths(root, relation, indexes, kept, place);
  set_leakproof(kept.conditions, false);
}

void add_sequential_paths(PlannerInfo *root, RelOptInfo *relation) {
  const Relids outer = relation->lateral_relids;
  add_path(relation, create_seqscan_path(root, relation, outer, 0));
  if (!relation->consider_parallel || outer != nullptr) return;
  const int workers = compute_parallel_worker(relation, relation->pages, -1, max_parallel_workers_per_gather);
  if (workers > 0) add_partial_path(relation, create_seqscan_path(root, relation, nullptr, workers));
}

}  // namespace

void keep_from_rechecks(PlannerInfo *root, RelOptInfo *relation, const List *conditions) {
  const Kept kept{conditions, root->qual_security_level == 0};
  const Place place = waits_for_rows(root, relation) ? Place::of_new_versions : Place::alone;
  List *paths = without_rechecks(relation->pathlist, kept, place);
  List *partial_paths = without_rechecks(relation->partial_pathlist, kept, place);
  if (list_length(paths) == list_length(relation->pathlist) &&
      list_length(partial_paths) == list_length(relation->partial_pathlist))
    return;
  relation->pathlist = paths;
  relation->partial_pathlist = partial_paths;
  add_sequential_paths(root, relation);
  add_btree_paths(root, relation, kept, place);
  add_index_paths(root, relation, relation->indexlist, kept, place);
  create_tidscan_paths(root, relation);
}

}  // namespace tenancy::pg
