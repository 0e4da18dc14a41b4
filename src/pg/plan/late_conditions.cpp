#include "pg/plan/late_conditions.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/noticeable.hpp"
#include "pg/plan/plan_guard.hpp"
#include "pg/plan/rechecked_conditions.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
}

namespace tenancy::pg {
namespace {

set_rel_pathlist_hook_type next_hook = nullptr;
RelationReadHook next_relation_hook = nullptr;
create_upper_paths_hook_type next_upper_hook = nullptr;

extern "C" {
static bool has_part(Node *node, void *part) {
  if (node == nullptr) return false;
  return equal(node, part) || walk_expression(node, has_part, part);
}

static bool is_id_of_filter(const FuncExpr *call) {
  return OidIsValid(call->funcid) && call->funcid == known_filter_id();
}

// A call that planning has left, since it could not specialize it.
static bool is_row_visible(const FuncExpr *call) {
  if (list_length(call->args) < 6 || !IsA(linitial(call->args), Const)) return false;
  const char *name = get_func_name(call->funcid);
  const char *schema = get_namespace_name(get_func_namespace(call->funcid));
  return name != nullptr && schema != nullptr && strcmp(name, "row_visible") == 0 &&
         strcmp(schema, "tenancy") == 0;
}

static bool has_filter(Node *node, void *) {
  if (node == nullptr) return false;
  if (const auto *call = reinterpret_cast<FuncExpr *>(node);
      IsA(node, FuncExpr) && (is_guard(node) || is_id_of_filter(call) || is_row_visible(call)))
    return true;
  return walk_expression(node, has_filter, nullptr);
}

// The functions that a view's filter calls raise no error that a row decides. Queries can call the same
// functions: but a view's barrier lets none of their conditions pass a column to one that isn't leakproof,
// and without the row's columns they can raise errors. An id's error, of a principal that there no longer is,
// is that of the filter itself in a shared plan, which asks for the id of every row.
static bool is_silent_of_filter(const Node *node, bool is_shared) {
  if (!IsA(node, FuncExpr)) return false;
  const auto *call = reinterpret_cast<const FuncExpr *>(node);
  if (is_id_of_filter(call)) return is_shared && is_known_filter_id(node);
  return (is_guard(node) || is_row_visible(call)) && contain_var_clause(reinterpret_cast<Node *>(call->args));
}

static bool has_shape_guard(Node *node, void *) {
  if (node == nullptr) return false;
  if (is_guard(node, Guard::shape) && is_silent_of_filter(node, false)) return true;
  return walk_expression(node, has_shape_guard, nullptr);
}

// `is_shared`: whether the filter is that of a shared plan.
static bool is_noticeable_beside_filter(Node *node, void *is_shared) {
  if (node == nullptr) return false;
  if (is_silent_of_filter(node, *static_cast<const bool *>(is_shared))) {
    auto *arguments = reinterpret_cast<Node *>(reinterpret_cast<FuncExpr *>(node)->args);
    return walk_expression(arguments, is_noticeable_beside_filter, is_shared);
  }
  return is_noticeable_itself(node) || walk_expression(node, is_noticeable_beside_filter, is_shared);
}
}

// Policies come first; behind them are the conditions of views with a security barrier, through which a table
// is changed: a user's own, whatever is called in them.
int count_of_policies(const PlannerInfo *root, int index) {
  Query *query = root->parse;
  RangeTblEntry *entry = rt_fetch(index, query->rtable);
  if (index != query->resultRelation || entry->rtekind != RTE_RELATION)
    return list_length(entry->securityQuals);
  List *policies = NIL;
  List *checks = NIL;
  bool has_policies = false;
  bool has_sub_selects = false;
  get_row_security_policies(query, entry, index, &policies, &checks, &has_policies, &has_sub_selects);
  return Min(list_length(policies), list_length(entry->securityQuals));
}

bool is_of_policy(const PlannerInfo *root, Node *part) {
  while (IsA(part, RelabelType)) part = reinterpret_cast<Node *>(reinterpret_cast<RelabelType *>(part)->arg);
  const ListCell *cell = nullptr;
  foreach (cell, root->parse->rtable) {
    List *conditions = lfirst_node(RangeTblEntry, cell)->securityQuals;
    if (!has_part(reinterpret_cast<Node *>(conditions), part)) continue;
    const int policies = count_of_policies(root, foreach_current_index(cell) + 1);
    for (int i = 0; i < policies; i++)
      if (has_part(static_cast<Node *>(list_nth(conditions, i)), part)) return true;
  }
  return false;
}

// From a policy's organization_id = X and the query's z = organization_id AND z = CASE ..., the planner
// derives CASE ... = X, and takes it for as old as the policy.
bool is_derived_from_query(const PlannerInfo *root, const RestrictInfo *condition, Relids own) {
  if (condition->security_level >= root->qual_security_level || !is_opclause(condition->clause)) return false;
  const ListCell *cell = nullptr;
  foreach (cell, reinterpret_cast<OpExpr *>(condition->clause)->args) {
    auto *side = static_cast<Node *>(lfirst(cell));
    if (is_noticeable(side, own) && !is_of_policy(root, side)) return true;
  }
  return false;
}

// The conditions of a table with a filter that isn't a policy's: of a view, into which the planner has pushed
// those of the query.
void put_behind_filter(List *conditions) {
  const ListCell *cell = nullptr;
  bool is_filtered = false;
  bool is_shared = false;
  foreach (cell, conditions) {
    auto *condition = reinterpret_cast<Node *>(lfirst_node(RestrictInfo, cell)->clause);
    is_filtered = is_filtered || has_filter(condition, nullptr);
    is_shared = is_shared || has_shape_guard(condition, nullptr);
  }
  if (!is_filtered) return;
  foreach (cell, conditions)
    if (auto *condition = lfirst_node(RestrictInfo, cell);
        !condition->pseudoconstant &&
        is_noticeable_beside_filter(reinterpret_cast<Node *>(condition->clause), &is_shared))
      condition->security_level = Max(condition->security_level, 1);
}

void order_conditions(const PlannerInfo *root, List *conditions, Relids own) {
  if (conditions == NIL) return;
  if (root->qual_security_level == 0) return put_behind_filter(conditions);
  const ListCell *cell = nullptr;
  foreach (cell, conditions)
    if (auto *condition = lfirst_node(RestrictInfo, cell); is_derived_from_query(root, condition, own))
      condition->security_level = root->qual_security_level;
}

// A condition, and the sides of an OR: the server asks of each by itself whether an index may have it, even
// where it may not have the whole.
// NOLINTNEXTLINE(misc-no-recursion)
List *put_sides_late(const RelOptInfo *relation, Node *side, bool is_unasked, List *late) {
  if (IsA(side, BoolExpr)) {
    const ListCell *cell = nullptr;
    foreach (cell, reinterpret_cast<BoolExpr *>(side)->args)
      late = put_sides_late(relation, static_cast<Node *>(lfirst(cell)), is_unasked, late);
  }
  if (!IsA(side, RestrictInfo)) return late;
  auto *condition = reinterpret_cast<RestrictInfo *>(side);
  if ((condition->leakproof || is_unasked) &&
      is_noticeable(reinterpret_cast<Node *>(condition->clause), relation->relids)) {
    condition->leakproof = false;
    late = lappend(late, condition);
  }
  if (condition->orclause == nullptr) return late;
  return put_sides_late(relation, reinterpret_cast<Node *>(condition->orclause), is_unasked, late);
}

// RETURNS those of the conditions, and of their sides, that were put late, behind those of the list.
List *put_late(const PlannerInfo *root, const RelOptInfo *relation, const List *conditions, List *late) {
  // Of a view's filter: the planner has not asked whether conditions are leakproof (put_behind_filter).
  const bool is_unasked = root->qual_security_level == 0;
  const ListCell *cell = nullptr;
  foreach (cell, conditions)
    if (auto *condition = lfirst_node(RestrictInfo, cell);
        !condition->pseudoconstant && condition->security_level > relation->baserestrict_min_security)
      late = put_sides_late(relation, reinterpret_cast<Node *>(condition), is_unasked, late);
  return late;
}

List *put_joins_late(const PlannerInfo *root, const RelOptInfo *relation, List *late) {
  const ListCell *cell = nullptr;
  foreach (cell, relation->ppilist) {
    List *conditions = lfirst_node(ParamPathInfo, cell)->ppi_clauses;
    if (root->qual_security_level > 0) order_conditions(root, conditions, relation->relids);
    late = put_late(root, relation, conditions, late);
  }
  return late;
}

List *put_all_late(const PlannerInfo *root, const RelOptInfo *relation) {
  List *late = put_late(root, relation, relation->baserestrictinfo, NIL);
  late = put_late(root, relation, relation->joininfo, late);
  return put_joins_late(root, relation, late);
}

// Guards raise errors, so they come behind the filter that they belong to, which can cost more, or nothing
// (cpu_operator_cost). The conditions of a scan are ordered by their cost.
void put_guards_last(PlannerInfo *root, const List *conditions) {
  constexpr Cost hardly_anything = 1e-9;
  Cost dearest = 0;
  List *guards = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, conditions)
    if (is_guard(reinterpret_cast<Node *>(lfirst_node(RestrictInfo, cell)->clause)))
      guards = lappend(guards, lfirst(cell));
  if (guards == NIL) return;
  foreach (cell, conditions) {
    const auto *condition = lfirst_node(RestrictInfo, cell);
    if (condition->security_level > linitial_node(RestrictInfo, guards)->security_level) continue;
    QualCost cost;
    cost_qual_eval_node(&cost, static_cast<Node *>(lfirst(cell)), root);
    dearest = Max(dearest, cost.per_tuple);
  }
  foreach (cell, guards) lfirst_node(RestrictInfo, cell)->eval_cost.per_tuple = dearest + hardly_anything;
}

bool is_ordered_by_index(const RelOptInfo *relation) {
  const ListCell *cell = nullptr;
  foreach (cell, relation->pathlist)
    if (auto *path = static_cast<Path *>(lfirst(cell));
        IsA(path, IndexPath) && reinterpret_cast<IndexPath *>(path)->indexorderbys != NIL)
      return true;
  return false;
}

// The planner makes more conditions, from equalities, where paths of partitions, or of the sides of UNION
// ALL, get other parameters: for all of an append, and for joins.
// NOLINTNEXTLINE(misc-no-recursion)
void put_made_late(const PlannerInfo *root) {
  if (root->qual_security_level == 0) return;
  for (int i = 1; i < root->simple_rel_array_size; i++)
    if (const RelOptInfo *relation = root->simple_rel_array[i]; relation != nullptr)
      put_joins_late(root, relation, NIL);
  const ListCell *cell = nullptr;
  foreach (cell, root->minmax_aggs) put_made_late(lfirst_node(MinMaxAggInfo, cell)->subroot);
}

extern "C" {
// The filters of a scan are ordered later. Index conditions are not evaluated on rows, or kept from it.
static void paths_made(PlannerInfo *root, RelOptInfo *relation, Index index, RangeTblEntry *entry) {
  if (next_hook != nullptr) next_hook(root, relation, index, entry);
  const bool has_own_conditions = relation->reloptkind == RELOPT_BASEREL;
  if (has_own_conditions) order_conditions(root, relation->baserestrictinfo, relation->relids);
  if (has_own_conditions && root->qual_security_level > 0)
    order_conditions(root, relation->joininfo, relation->relids);
  const List *late = put_all_late(root, relation);
  const bool is_scan = entry->rtekind == RTE_RELATION && !entry->inh && entry->tablesample == nullptr &&
                       relation->indexlist != NIL && !IS_DUMMY_REL(relation);
  if (is_scan && (late != NIL || (root->qual_security_level > 0 && is_ordered_by_index(relation)))) {
    keep_from_rechecks(root, relation, late);
    put_all_late(root, relation);
  }
  put_guards_last(root, relation->baserestrictinfo);
}

// Before a partition or child table gets copies of its parent's conditions; those of joins, also later.
static void relation_read(TENANCY_RELATION_READ_PARAMETERS) {
  if (next_relation_hook != nullptr) next_relation_hook(TENANCY_RELATION_READ_ARGUMENTS);
  if (relation->rtekind != RTE_RELATION || relation->reloptkind != RELOPT_OTHER_MEMBER_REL ||
      root->append_rel_array == nullptr)
    return;
  const AppendRelInfo *part = root->append_rel_array[relation->relid];
  const RelOptInfo *parent = part == nullptr ? nullptr : root->simple_rel_array[part->parent_relid];
  if (parent != nullptr && parent->reloptkind == RELOPT_BASEREL) {
    order_conditions(root, parent->baserestrictinfo, parent->relids);
    if (root->qual_security_level > 0) order_conditions(root, parent->joininfo, parent->relids);
  }
}

// After all paths of a query, and before its plan.
static void upper_paths_made(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input,
                             RelOptInfo *output, void *extra) {
  if (next_upper_hook != nullptr) next_upper_hook(root, stage, input, output, extra);
  if (stage == UPPERREL_FINAL) put_made_late(root);
}
}

}  // namespace

void register_late_conditions() {
  next_hook = set_rel_pathlist_hook;
  set_rel_pathlist_hook = paths_made;
  next_relation_hook = relation_read_hook();
  relation_read_hook() = relation_read;
  next_upper_hook = create_upper_paths_hook;
  create_upper_paths_hook = upper_paths_made;
}

}  // namespace tenancy::pg
