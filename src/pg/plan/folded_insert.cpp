// Most statements that write insert one row, whose tenant is filled in. Starting the executor is most of
// their cost, and each call to be compiled is a part of that. So after planning
//
// - tenancy.current_organization_id() and its like become constants;
// - where the ids that a policy's WITH CHECK asks for are constants, too, and it is true of them, only the
//   guard remains of it.
//
// Only in a plan whose checks hold the guard already, and are evaluated of the row as it is written: after
// BEFORE triggers, and after whatever a user's function among the values has done. So a principal that
// changes meanwhile is an error as before. Whatever isn't known stays.

#include "pg/plan/folded_insert.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;

// Answers about the principal that fold to constants.
struct CurrentId {
  const char *function;
  Uuid Principal::*id;
};
constexpr CurrentId current_ids[] = {{"current_organization_id", &Principal::organization},
                                     {"current_workspace_id", &Principal::workspace},
                                     {"current_user_id", &Principal::user},
                                     {"current_api_key_id", &Principal::api_key}};

// CACHES: their OIDs, until definitions change.
struct {
  DefinitionToken token;
  Oid functions[lengthof(current_ids)];
} known{};

void look_up_current_ids() {
  if (known.token.valid()) return;
  const DefinitionToken token = DefinitionToken::now();
  for (size_t i = 0; i < lengthof(current_ids); i++)
    known.functions[i] = find_public_function(current_ids[i].function);
  known.token = token;
}

// --- checks

// write_guard(stamp, not_after, accepted, ...)
const FuncExpr *write_guard_of(const WithCheckOption *check) {
  const auto *parts = reinterpret_cast<const List *>(check->qual);
  if (check->polname != nullptr || !IsA(parts, List) || list_length(parts) != 1) return nullptr;
  const auto *call = static_cast<const FuncExpr *>(linitial(parts));
  return IsA(call, FuncExpr) && call->funcid == known_write_guard() ? call : nullptr;
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

List *guard_alone(const FuncExpr *guard) {
  Const *something = makeConst(INT4OID, -1, InvalidOid, 4, Int32GetDatum(0), false, true);
  return list_make1(makeFuncExpr(guard_function(Guard::plan), BOOLOID,
                                 list_make3(linitial(guard->args), lsecond(guard->args), something),
                                 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
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
    const FuncExpr *guard = write_guard_of(check);
    if (guard != nullptr && is_for_this_principal(guard)) return true;
  }
  return false;
}

void fold_defaults(List *values, const Principal &principal) {
  ListCell *cell = nullptr;
  foreach (cell, values) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!IsA(target->expr, FuncExpr)) continue;
    const auto *call = reinterpret_cast<const FuncExpr *>(target->expr);
    if (call->args != NIL) continue;
    for (size_t i = 0; i < lengthof(current_ids); i++) {
      if (call->funcid != known.functions[i]) continue;
      const Uuid id = principal.*current_ids[i].id;
      target->expr = reinterpret_cast<Expr *>(
          makeConst(UUIDOID, -1, InvalidOid, UUID_LEN, id ? uuid_datum(id) : Datum(0), !id, false));
      break;
    }
  }
}

void fold_checks(List *checks, Row &row) {
  const ListCell *cell = nullptr;
  foreach (cell, checks) {
    auto *check = lfirst_node(WithCheckOption, cell);
    const FuncExpr *guard = check->kind == WCO_VIEW_CHECK ? nullptr : write_guard_of(check);
    if (guard != nullptr && is_for_this_principal(guard) &&
        is_true_of(row, static_cast<Node *>(lthird(guard->args))))
      check->qual = reinterpret_cast<Node *>(guard_alone(guard));
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
    look_up_current_ids();
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
