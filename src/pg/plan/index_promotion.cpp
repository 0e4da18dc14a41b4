#include "pg/plan/index_promotion.hpp"

#include "pg/plan/filter_choice.hpp"
#include "pg/plan/index_paths.hpp"
#include "pg/plan/leading_index.hpp"
#include "pg/plan/protected_relation.hpp"
#include "pg/plan/trusted_conditions.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

set_rel_pathlist_hook_type next_hook = nullptr;

// An index that reaches own rows only, if these comparisons are its first conditions.
struct Leading {
  const IndexOptInfo *index;
  List *comparisons;
  bool by_definition;  // some of the filter's comparisons are missing: the index's predicate implies them
};

struct Promotion {
  PlannerInfo *root;
  RelOptInfo *relation;
  bool all_indexes;
  RowFilters filters;
  bool whole_relation_own;
  List *conditions;  // RestrictInfos that could not be index conditions so far
  List *indexes;     // that can use them
  List *leading;     // of these, unless any index is allowed
};

// --- conditions

bool is_shut_out(const RestrictInfo *condition, const RelOptInfo *relation) {
  return !condition->leakproof && !condition->pseudoconstant &&
         condition->security_level > relation->baserestrict_min_security;
}

void add_alternatives(Promotion *promotion, Node *node);

void add_condition(Promotion *promotion, RestrictInfo *condition) {
  if (is_shut_out(condition, promotion->relation))
    promotion->conditions = lappend(promotion->conditions, condition);
  // The planner searches indexes for each side of OR separately.
  if (promotion->all_indexes && condition->orclause != nullptr)
    add_alternatives(promotion, reinterpret_cast<Node *>(condition->orclause));
}

// NOLINTNEXTLINE(misc-no-recursion)
void add_alternatives(Promotion *promotion, Node *node) {
  if (IsA(node, RestrictInfo)) {
    add_condition(promotion, reinterpret_cast<RestrictInfo *>(node));
  } else if (IsA(node, BoolExpr)) {
    const ListCell *cell = nullptr;
    foreach (cell, reinterpret_cast<BoolExpr *>(node)->args)
      add_alternatives(promotion, static_cast<Node *>(lfirst(cell)));
  }
}

void add_trusted(Promotion *promotion, List *conditions) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    auto *condition = lfirst_node(RestrictInfo, cell);
    if (!is_shut_out(condition, promotion->relation)) continue;
    if (condition->orclause != nullptr && !promotion->all_indexes) continue;
    if (is_trusted(promotion->root, reinterpret_cast<Node *>(condition->clause), promotion->all_indexes))
      add_condition(promotion, condition);
  }
}

// Untrusted expressions that run before the filter: a volatile function, or one without columns that can
// raise an error. On rows selected by trusted conditions, these would reveal the number of such rows.
bool tells_of_rows_met(const PlannerInfo *root, const List *conditions) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    const auto *condition = lfirst_node(RestrictInfo, cell);
    if (condition->leakproof && !condition->pseudoconstant &&
        condition->security_level >= root->qual_security_level &&
        !is_trusted(root, reinterpret_cast<Node *>(condition->clause), true))
      return true;
  }
  return false;
}

bool any_is_shut_out(const List *conditions, const RelOptInfo *relation) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions)
    if (is_shut_out(lfirst_node(RestrictInfo, cell), relation)) return true;
  return false;
}

// --- indexes worth another look: for the others, the planner has made all paths

void add_columns(const RelOptInfo *relation, const List *conditions, Bitmapset **columns) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions)
    if (const auto *condition = lfirst_node(RestrictInfo, cell);
        condition->security_level > relation->baserestrict_min_security)
      pull_varattnos(reinterpret_cast<Node *>(condition->clause), relation->relid, columns);
}

// Columns of all conditions but those of the filter
Bitmapset *columns_asked_for(const Promotion &promotion) {
  Bitmapset *columns = nullptr;
  add_columns(promotion.relation, promotion.relation->baserestrictinfo, &columns);
  add_columns(promotion.relation, promotion.relation->joininfo, &columns);
  return columns;
}

bool has_any_of(const IndexOptInfo *index, const RelOptInfo *relation, const Bitmapset *columns) {
  for (int i = 0; i < index->nkeycolumns; i++)
    if (index->indexkeys[i] != 0 &&
        bms_is_member(index->indexkeys[i] - FirstLowInvalidHeapAttributeNumber, columns))
      return true;
  Bitmapset *of_expressions = nullptr;
  pull_varattnos(reinterpret_cast<Node *>(index->indexprs), relation->relid, &of_expressions);
  return bms_overlap(of_expressions, columns);
}

// For a bitmap of others that is combined with one of the filter: the smallest that begins with it.
IndexOptInfo *smallest_of_filter(const Promotion &promotion) {
  const Bitmapset *columns = columns_of(promotion.filters.comparisons);
  IndexOptInfo *smallest = nullptr;
  const ListCell *cell = nullptr;
  foreach (cell, promotion.relation->indexlist) {
    auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
    if (bms_is_member(index->indexkeys[0], columns) &&
        (smallest == nullptr || index->pages < smallest->pages))
      smallest = index;
  }
  return smallest;
}

// Of a filter with several sides, the planner combines any.
List *indexes_asked_for(const Promotion &promotion) {
  if (!promotion.filters.all_equal) return promotion.relation->indexlist;
  const Bitmapset *columns = columns_asked_for(promotion);
  const IndexOptInfo *of_filter = smallest_of_filter(promotion);
  List *indexes = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, promotion.relation->indexlist) {
    auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
    if (index == of_filter || has_any_of(index, promotion.relation, columns))
      indexes = lappend(indexes, index);
  }
  return indexes;
}

// --- own rows first

void add_leading(Promotion *promotion, List *comparisons) {
  const Bitmapset *columns = columns_asked_for(*promotion);
  const ListCell *cell = nullptr;
  foreach (cell, promotion->relation->indexlist) {
    auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
    if (index->relam != BTREE_AM_OID || !has_any_of(index, promotion->relation, columns)) continue;
    List *of_index = left_of(comparisons, index->indpred);
    if (!begins_with(index, columns_of(of_index))) continue;
    auto *leading = static_cast<Leading *>(palloc(sizeof(Leading)));
    *leading = {index, of_index, list_length(of_index) < list_length(comparisons)};
    promotion->leading = lappend(promotion->leading, leading);
    promotion->indexes = lappend(promotion->indexes, index);
  }
}

void find_indexes(Promotion *promotion, const RangeTblEntry *entry) {
  if (promotion->all_indexes) {
    promotion->indexes = indexes_asked_for(*promotion);
    return;
  }
  if (!promotion->filters.all_equal) {
    add_paths_of_choice(promotion->root, promotion->relation, promotion->filters, entry,
                        promotion->conditions);
    return;
  }
  if (promotion->filters.comparisons == NIL) return;
  List *comparisons =
      left_of(promotion->filters.comparisons, conditions_of_partition(entry, promotion->relation));
  promotion->whole_relation_own = comparisons == NIL;
  if (promotion->whole_relation_own)
    promotion->indexes = indexes_asked_for(*promotion);
  else
    add_leading(promotion, comparisons);
}

// --- the resulting paths

const Leading *leading_of(const Promotion &promotion, const IndexOptInfo *index) {
  const ListCell *cell = nullptr;
  foreach (cell, promotion.leading)
    if (static_cast<Leading *>(lfirst(cell))->index == index) return static_cast<Leading *>(lfirst(cell));
  return nullptr;
}

bool meets_own_rows(const Promotion &promotion, const Path *path, bool in_bitmap);

bool all_meet_own_rows(const Promotion &promotion, const List *paths) {
  const ListCell *cell = nullptr;
  foreach (cell, paths)
    if (!meets_own_rows(promotion, static_cast<Path *>(lfirst(cell)), true)) return false;
  return true;
}

// NOLINTNEXTLINE(misc-no-recursion)
bool meets_own_rows(const Promotion &promotion, const Path *path, bool in_bitmap) {
  switch (nodeTag(path)) {
    case T_IndexPath: {
      const auto *scan = reinterpret_cast<const IndexPath *>(path);
      const Leading *leading = leading_of(promotion, scan->indexinfo);
      // A bitmap that is too large becomes lossy: its conditions are rechecked on each row of a page,
      // including those that a predicate excluded.
      return leading != nullptr && !(in_bitmap && leading->by_definition) &&
             is_led(scan, leading->comparisons);
    }
    case T_BitmapHeapPath:
      return meets_own_rows(promotion, reinterpret_cast<const BitmapHeapPath *>(path)->bitmapqual, true);
    case T_BitmapAndPath:
      return all_meet_own_rows(promotion, reinterpret_cast<const BitmapAndPath *>(path)->bitmapquals);
    case T_BitmapOrPath:
      return all_meet_own_rows(promotion, reinterpret_cast<const BitmapOrPath *>(path)->bitmapquals);
    default:
      return false;
  }
}

List *allowed(const Promotion &promotion, List *paths) {
  if (promotion.all_indexes || promotion.whole_relation_own) return paths;
  List *result = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, paths)
    if (meets_own_rows(promotion, static_cast<Path *>(lfirst(cell)), false))
      result = lappend(result, lfirst(cell));
  return result;
}

// --- making paths

// The server makes the paths while the conditions are marked as leakproof.
void add_paths(const Promotion &promotion) {
  set_leakproof(promotion.conditions, true);
  const MadePaths made = make_index_paths(promotion.root, promotion.relation, promotion.indexes);
  set_leakproof(promotion.conditions, false);
  add_made_paths(promotion.relation,
                 {allowed(promotion, made.paths), allowed(promotion, made.partial_paths)});
}

bool may_take_paths(RelOptInfo *relation, const RangeTblEntry *entry) {
  return configuration.trusted_conditions != TrustedConditions::none && entry->rtekind == RTE_RELATION &&
         !entry->inh && entry->tablesample == nullptr && relation->indexlist != NIL &&
         !IS_DUMMY_REL(relation) &&
         (relation->reloptkind == RELOPT_BASEREL || relation->reloptkind == RELOPT_OTHER_MEMBER_REL);
}

void promote(PlannerInfo *root, RelOptInfo *relation, const RangeTblEntry *entry) {
  if (!any_is_shut_out(relation->baserestrictinfo, relation) &&
      !any_is_shut_out(relation->joininfo, relation))
    return;
  if (!has_row_filter(root, relation)) return;
  Promotion promotion{};
  promotion.root = root;
  promotion.relation = relation;
  promotion.all_indexes = configuration.trusted_conditions == TrustedConditions::all &&
                          !tells_of_rows_met(root, relation->baserestrictinfo) &&
                          !tells_of_rows_met(root, relation->joininfo);
  // The most frequent reasons to stop come first, to save planning time.
  add_trusted(&promotion, relation->baserestrictinfo);
  add_trusted(&promotion, relation->joininfo);
  if (promotion.conditions == NIL) return;
  promotion.filters = row_filters_of(root, relation);
  if (!promotion.filters.all_ours) return;
  find_indexes(&promotion, entry);
  if (promotion.indexes != NIL) add_paths(promotion);
}

extern "C" {
static void paths_made(PlannerInfo *root, RelOptInfo *relation, Index index, RangeTblEntry *entry) {
  if (next_hook != nullptr) next_hook(root, relation, index, entry);
  if (may_take_paths(relation, entry)) promote(root, relation, entry);
}
}

}  // namespace

void register_index_promotion() {
  next_hook = set_rel_pathlist_hook;
  set_rel_pathlist_hook = paths_made;
}

}  // namespace tenancy::pg
