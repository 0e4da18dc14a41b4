// Most statements that write insert one row, whose tenant is filled in. Starting the executor is most of
// their cost, and each call to be compiled is a part of that. So after planning
//
// - tenancy.current_organization_id() and its like become constants;
// - where the ids that a policy's WITH CHECK compares are constants, too, and it is true of them, only the
//   guard remains of it. That of a row with ids of type uuid has been decided before (known_row.hpp).
//
// Only in a plan whose checks hold the guard already, and are evaluated of the row as it is written: after
// BEFORE triggers, and after whatever a user's function among the values has done. So a principal that
// changes meanwhile is an error as before. Whatever isn't known stays.

#include "pg/plan/folded_insert.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/known_row.hpp"
#include "pg/plan/plan_guard.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;

// --- checks

bool is_write_guard(const FuncExpr *guard) { return guard->funcid == known_write_guard(); }

// write_guard(stamp, not_after, accepted, ...), or plan_guard(stamp, not_after, ...) where planning has
// decided the check.
const FuncExpr *guard_of(const WithCheckOption *check) {
  const auto *parts = reinterpret_cast<const List *>(check->qual);
  if (check->polname != nullptr || !IsA(parts, List) || list_length(parts) != 1) return nullptr;
  const auto *call = static_cast<const FuncExpr *>(linitial(parts));
  const bool is_call = IsA(call, FuncExpr);
  return is_call && (is_write_guard(call) || is_guard(reinterpret_cast<const Node *>(call), Guard::plan))
             ? call
             : nullptr;
}

bool is_for_this_principal(const FuncExpr *guard) {
  const auto *stamp = static_cast<const Const *>(linitial(guard->args));
  return IsA(stamp, Const) && !stamp->constisnull &&
         static_cast<uint64>(DatumGetInt64(stamp->constvalue)) == identity_stamp();
}

// The row as the plan makes it, in the order of the table's columns.
struct Row {
  Index relation;
  TupleDesc columns;
  List *values;
};

const Const *known_value(const Row &row, const Var *column) {
  if (column->varno != static_cast<int>(row.relation) || column->varlevelsup != 0 || column->varattno < 1 ||
      column->varattno > row.columns->natts || column->varattno > list_length(row.values))
    return nullptr;
  // It is computed from the row, later.
  if (TupleDescAttr(row.columns, column->varattno - 1)->attgenerated != '\0') return nullptr;
  const auto *target = list_nth_node(TargetEntry, row.values, column->varattno - 1);
  if (target->resno != column->varattno || !IsA(target->expr, Const)) return nullptr;
  const auto *value = reinterpret_cast<const Const *>(target->expr);
  return value->consttype == column->vartype ? value : nullptr;
}

extern "C" {
static Node *with_values(Node *node, void *row) {
  if (node == nullptr) return nullptr;
  if (IsA(node, Var)) {
    const Const *value = known_value(*static_cast<const Row *>(row), reinterpret_cast<const Var *>(node));
    return value == nullptr ? node : static_cast<Node *>(copyObjectImpl(value));
  }
  return mutate_expression(node, with_values, row);
}
}

bool is_true_of(Row &row, Node *condition) {
  Node *with = with_values(condition, &row);
  if (contain_var_clause(with) || contain_mutable_functions(with)) return false;
  with = eval_const_expressions(nullptr, with);
  return IsA(with, Const) && !reinterpret_cast<const Const *>(with)->constisnull &&
         DatumGetBool(reinterpret_cast<const Const *>(with)->constvalue);
}

// --- the statement

// The node that makes the one row; nullptr where there are several, or other rows than those to be inserted.
Result *one_row_of(const ModifyTable *insert) {
  const Plan *plan = insert->plan.lefttree;
  const bool is_plain = insert->operation == CMD_INSERT && insert->onConflictAction == ONCONFLICT_NONE &&
                        list_length(insert->resultRelations) == 1 &&
                        list_length(insert->withCheckOptionLists) == 1;
  if (!is_plain || plan == nullptr || !IsA(plan, Result) || plan->lefttree != nullptr) return nullptr;
  return reinterpret_cast<Result *>(const_cast<Plan *>(plan));
}

bool hold_guard(List *checks) {
  const ListCell *cell = nullptr;
  foreach (cell, checks) {
    const auto *check = lfirst_node(WithCheckOption, cell);
    // A view's own check says nothing of the principal, and comes after the policies'.
    if (check->kind == WCO_VIEW_CHECK) continue;
    const FuncExpr *guard = guard_of(check);
    if (guard != nullptr && is_for_this_principal(guard)) return true;
  }
  return false;
}

void fold_defaults(List *values, const Principal &principal) {
  ListCell *cell = nullptr;
  foreach (cell, values) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (Const *id = principals_id(target->expr, principal); id != nullptr)
      target->expr = reinterpret_cast<Expr *>(id);
  }
}

void fold_checks(List *checks, Row &row) {
  const ListCell *cell = nullptr;
  foreach (cell, checks) {
    auto *check = lfirst_node(WithCheckOption, cell);
    const FuncExpr *guard = check->kind == WCO_VIEW_CHECK ? nullptr : guard_of(check);
    if (guard != nullptr && is_write_guard(guard) && is_for_this_principal(guard) &&
        is_true_of(row, static_cast<Node *>(lthird(guard->args))))
      check->qual = reinterpret_cast<Node *>(list_make1(guard_of_known_row(
          static_cast<Const *>(linitial(guard->args)), static_cast<Const *>(lsecond(guard->args)))));
  }
}

void fold(const PlannedStmt *statement) {
  auto *insert = reinterpret_cast<ModifyTable *>(statement->planTree);
  Result *one = one_row_of(insert);
  if (one == nullptr) return;
  auto *checks = static_cast<List *>(linitial(insert->withCheckOptionLists));
  if (!hold_guard(checks)) return;
  const auto relation_index = static_cast<Index>(linitial_int(insert->resultRelations));
  const Relation relation =
      table_open(rt_fetch(static_cast<int>(relation_index), statement->rtable)->relid, NoLock);
  if (relation->rd_rel->relkind == RELKIND_RELATION) {
    fold_defaults(one->plan.targetlist, *current_principal());
    Row row{relation_index, RelationGetDescr(relation), one->plan.targetlist};
    // Triggers could change what has been checked.
    if (relation->trigdesc == nullptr || !relation->trigdesc->trig_insert_before_row)
      fold_checks(checks, row);
    server_fault_point();
  }
  table_close(relation, NoLock);
}

// Since PostgreSQL 19 there is one more argument: the state of EXPLAIN.
template <typename... Rest>
PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters, Rest... rest) {
  PlannedStmt *statement = next_planner != nullptr
                               ? next_planner(query, text, options, parameters, rest...)
                               : standard_planner(query, text, options, parameters, rest...);
  if (statement->commandType == CMD_INSERT && statement->planTree != nullptr &&
      IsA(statement->planTree, ModifyTable) &&
      reinterpret_cast<const ModifyTable *>(statement->planTree)->withCheckOptionLists != NIL &&
      OidIsValid(known_write_guard()))
    fold(statement);
  return statement;
}

}  // namespace

void register_folded_insert() {
  next_planner = planner_hook;
  planner_hook = plan;
}

}  // namespace tenancy::pg
