#include "pg/plan/conflict_condition.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
}

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;

// RETURNS the conditions of policies on the existing row, connected by AND; NIL for none.
List *conditions_on_existing_row(const ModifyTable *insert) {
  List *conditions = NIL;
  const ListCell *cell = nullptr;
  // Partitions use those of the table that the statement names, with columns renumbered.
  foreach (cell, static_cast<List *>(linitial(insert->withCheckOptionLists)))
    if (const auto *check = lfirst_node(WithCheckOption, cell); check->kind == WCO_RLS_CONFLICT_CHECK)
      conditions = list_concat(conditions, static_cast<List *>(copyObjectImpl(check->qual)));
  return conditions;
}

// A hidden row passes, so that the server's own check of it raises the error.
void put_behind_policies(ModifyTable *insert) {
  List *conditions = conditions_on_existing_row(insert);
  if (conditions == NIL) return;
  auto *visible = makeNode(CaseWhen);
  visible->expr = make_ands_explicit(conditions);
  visible->result = make_ands_explicit(reinterpret_cast<List *>(insert->onConflictWhere));
  visible->location = -1;
  auto *condition = makeNode(CaseExpr);
  condition->casetype = BOOLOID;
  condition->args = list_make1(visible);
  condition->defresult = reinterpret_cast<Expr *>(makeBoolConst(true, false));
  condition->location = -1;
  insert->onConflictWhere = reinterpret_cast<Node *>(list_make1(condition));
}

void put_behind_policies(Plan *top) {
  if (top == nullptr || !IsA(top, ModifyTable)) return;
  auto *insert = reinterpret_cast<ModifyTable *>(top);
  if (insert->onConflictWhere != nullptr && insert->withCheckOptionLists != NIL) put_behind_policies(insert);
}

// Since PostgreSQL 19 there is one more argument: the state of EXPLAIN.
template <typename... Rest>
PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters, Rest... rest) {
  PlannedStmt *statement = next_planner != nullptr
                               ? next_planner(query, text, options, parameters, rest...)
                               : standard_planner(query, text, options, parameters, rest...);
  put_behind_policies(statement->planTree);
  // Of WITH.
  const ListCell *cell = nullptr;
  foreach (cell, statement->subplans) put_behind_policies(static_cast<Plan *>(lfirst(cell)));
  return statement;
}

}  // namespace

void register_conflict_conditions() {
  next_planner = planner_hook;
  planner_hook = plan;
}

}  // namespace tenancy::pg
