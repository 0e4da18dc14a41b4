#include "pg/plan/filter_choice.hpp"

#include "pg/plan/index_paths.hpp"
#include "pg/plan/leading_index.hpp"

namespace tenancy::pg {
namespace {

// One side of the choice, the filter's other comparisons included.
struct Side {
  List *conditions;   // RestrictInfos
  List *comparisons;  // their expressions that do not follow from the partition's bounds
};

struct Choice {
  PlannerInfo *root;
  RelOptInfo *relation;
  List *promoted;  // a query's own conditions
};

RestrictInfo *condition_of(const RelOptInfo *relation, const Node *expression) {
  const ListCell *cell = nullptr;
  foreach (cell, relation->baserestrictinfo)
    if (equal(lfirst_node(RestrictInfo, cell)->clause, expression)) return lfirst_node(RestrictInfo, cell);
  return nullptr;
}

// --- the sides

// RETURNS whether the condition was added: it says that a column equals something.
bool add_comparison(Side *side, Node *condition) {
  if (condition == nullptr || !IsA(condition, RestrictInfo)) return false;
  Expr *expression = reinterpret_cast<RestrictInfo *>(condition)->clause;
  if (!is_equality(reinterpret_cast<Node *>(expression))) return false;
  side->conditions = lappend(side->conditions, condition);
  side->comparisons = lappend(side->comparisons, expression);
  return true;
}

bool add_all(Side *side, const List *conditions) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions)
    if (!add_comparison(side, static_cast<Node *>(lfirst(cell)))) return false;
  return true;
}

bool add_common(Side *side, const RelOptInfo *relation, const List *comparisons) {
  const ListCell *cell = nullptr;
  foreach (cell, comparisons) {
    RestrictInfo *condition = condition_of(relation, static_cast<Node *>(lfirst(cell)));
    if (!add_comparison(side, reinterpret_cast<Node *>(condition))) return false;
  }
  return true;
}

// RETURNS the sides, or NIL if one of them says anything else.
List *sides_of(const RelOptInfo *relation, const RowFilters &filters, List *bounds) {
  if (list_length(filters.others) != 1) return NIL;
  const RestrictInfo *choice = condition_of(relation, static_cast<Node *>(linitial(filters.others)));
  if (choice == nullptr || choice->orclause == nullptr || !IsA(choice->orclause, BoolExpr)) return NIL;
  List *sides = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, reinterpret_cast<const BoolExpr *>(choice->orclause)->args) {
    auto *node = static_cast<Node *>(lfirst(cell));
    List *parts = is_andclause(node) ? reinterpret_cast<BoolExpr *>(node)->args : list_make1(node);
    auto *side = static_cast<Side *>(palloc0(sizeof(Side)));
    if (!add_common(side, relation, filters.comparisons) || !add_all(side, parts)) return NIL;
    side->comparisons = left_of(side->comparisons, bounds);
    if (side->comparisons == NIL) return NIL;
    sides = lappend(sides, side);
  }
  return sides;
}

// --- index paths of one side

// The server makes paths for these conditions, as if they were all that the relation has. An error ends
// planning, and with it all changes made here.
List *index_paths(const Choice &choice, List *indexes, List *conditions) {
  RelOptInfo *relation = choice.relation;
  const RelOptInfo before = *relation;
  List *conditions_before = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, indexes) {
    auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
    conditions_before = lappend(conditions_before, index->indrestrictinfo);
    index->indrestrictinfo = conditions;
  }
  relation->baserestrictinfo = conditions;
  relation->joininfo = NIL;
  relation->has_eclass_joins = false;
  List *made = make_index_paths(choice.root, relation, indexes).paths;
  relation->baserestrictinfo = before.baserestrictinfo;
  relation->joininfo = before.joininfo;
  relation->has_eclass_joins = before.has_eclass_joins;
  const ListCell *index_cell = nullptr;
  const ListCell *condition_cell = nullptr;
  forboth(index_cell, indexes, condition_cell,
          conditions_before) static_cast<IndexOptInfo *>(lfirst(index_cell))
      ->indrestrictinfo = static_cast<List *>(lfirst(condition_cell));
  return made;
}

List *indexes_led_by(const RelOptInfo *relation, const List *comparisons) {
  const Bitmapset *columns = columns_of(comparisons);
  List *indexes = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, relation->indexlist) {
    auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
    if (index->relam == BTREE_AM_OID && begins_with(index, columns)) indexes = lappend(indexes, index);
  }
  return indexes;
}

// Whether the path is led by the comparisons, and has some of the query's own conditions.
bool is_promoted(const Choice &choice, const Path *part, const List *comparisons) {
  if (!IsA(part, IndexPath)) return false;
  const auto *scan = reinterpret_cast<const IndexPath *>(part);
  if (!is_led(scan, comparisons)) return false;
  const ListCell *cell = nullptr;
  foreach (cell, scan->indexclauses)
    if (list_member_ptr(choice.promoted, lfirst_node(IndexClause, cell)->rinfo)) return true;
  return false;
}

// RETURNS what can be a part of a bitmap, or nullptr.
Path *bitmap_part(Path *path) {
  if (IsA(path, BitmapHeapPath)) return reinterpret_cast<BitmapHeapPath *>(path)->bitmapqual;
  if (!IsA(path, IndexPath)) return nullptr;
  const auto *scan = reinterpret_cast<const IndexPath *>(path);
  const bool can_be =
      scan->indexinfo->amhasgetbitmap && scan->indexclauses != NIL && scan->indexorderbys == NIL;
  return can_be ? path : nullptr;
}

BitmapHeapPath *heap_path(const Choice &choice, Path *part) {
  return create_bitmap_heap_path(choice.root, choice.relation, part, choice.relation->lateral_relids, 1.0, 0);
}

struct Cheapest {
  Path *part;
  Cost cost;

  void offer(const Choice &choice, Path *offered) {
    const Cost offered_cost = heap_path(choice, offered)->path.total_cost;
    if (part == nullptr || offered_cost < cost) *this = {offered, offered_cost};
  }
};

// Each index by itself: the server keeps one of paths that cost nearly the same, which may be one without a
// condition of the query's own.
Cheapest cheapest_promoted(const Choice &choice, const Side &side) {
  Cheapest cheapest{};
  List *conditions = list_concat_copy(side.conditions, choice.promoted);
  set_leakproof(choice.promoted, true);
  const ListCell *index_cell = nullptr;
  foreach (index_cell, indexes_led_by(choice.relation, side.comparisons)) {
    List *paths = index_paths(choice, list_make1(lfirst(index_cell)), conditions);
    const ListCell *cell = nullptr;
    foreach (cell, paths) {
      Path *part = bitmap_part(static_cast<Path *>(lfirst(cell)));
      if (part != nullptr && is_promoted(choice, part, side.comparisons)) cheapest.offer(choice, part);
    }
  }
  set_leakproof(choice.promoted, false);
  return cheapest;
}

Cheapest cheapest_without(const Choice &choice, const Side &side) {
  Cheapest cheapest{};
  const ListCell *cell = nullptr;
  List *paths = index_paths(choice, choice.relation->indexlist, side.conditions);
  foreach (cell, paths) {
    Path *part = bitmap_part(static_cast<Path *>(lfirst(cell)));
    if (part != nullptr) cheapest.offer(choice, part);
  }
  return cheapest;
}

// One more condition in the index never reads more of the table. Rows of a user in a workspace are
// underestimated, as if both were independent, so that the condition can seem not to be worth its evaluation.
constexpr double nearly_the_same = 1.1;

}  // namespace

void add_paths_of_choice(PlannerInfo *root, RelOptInfo *relation, const RowFilters &filters,
                         const RangeTblEntry *entry, const List *conditions) {
  Choice choice{root, relation, NIL};
  const ListCell *cell = nullptr;
  // Those of joins would need another path for each relation that they join.
  foreach (cell, conditions)
    if (list_member_ptr(relation->baserestrictinfo, lfirst(cell)))
      choice.promoted = lappend(choice.promoted, lfirst(cell));
  if (choice.promoted == NIL) return;
  List *sides = sides_of(relation, filters, conditions_of_partition(entry, relation));
  List *parts = NIL;
  bool any_promoted = false;
  foreach (cell, sides) {
    const auto *side = static_cast<Side *>(lfirst(cell));
    const Cheapest promoted = cheapest_promoted(choice, *side);
    const Cheapest without = cheapest_without(choice, *side);
    const bool takes_promoted = promoted.part != nullptr &&
                                (without.part == nullptr || promoted.cost <= without.cost * nearly_the_same);
    if (!takes_promoted && without.part == nullptr) return;
    parts = lappend(parts, takes_promoted ? promoted.part : without.part);
    any_promoted = any_promoted || takes_promoted;
  }
  if (!any_promoted) return;
  auto *all = reinterpret_cast<Path *>(create_bitmap_or_path(root, relation, parts));
  add_path(relation, reinterpret_cast<Path *>(heap_path(choice, all)));
}

}  // namespace tenancy::pg
