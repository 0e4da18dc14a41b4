#include "pg/plan/late_conditions.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "optimizer/clauses.h"
}

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;

enum ServerState { server_unknown, server_sees, server_overlooks_some };
ServerState server = server_unknown;

extern "C" {
static bool is_leaky(Oid function, void *) { return !get_func_leakproof(function); }

static bool contains_value(Node *node, void *) {
  if (node == nullptr) return false;
  return IsA(node, CaseTestExpr) || walk_expression(node, contains_value, nullptr);
}

static bool passes_value_on(Node *node, void *) {
  if (node == nullptr) return false;
  if (check_functions_in_node(node, is_leaky, nullptr) && contains_value(node, nullptr)) return true;
  return walk_expression(node, passes_value_on, nullptr);
}
}

// (column / 1) with whatever hands the column over; int4div() raises, and is not leakproof.
Expr *division_of_value() {
  auto *value = makeNode(CaseTestExpr);
  value->typeId = INT4OID;
  value->typeMod = -1;
  Const *one = makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);
  return reinterpret_cast<Expr *>(
      makeFuncExpr(F_INT4DIV, INT4OID, list_make2(value, one), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

bool overlooks_elements() {
  auto *conversion = makeNode(ArrayCoerceExpr);
  conversion->arg = reinterpret_cast<Expr *>(makeVar(1, 1, INT4ARRAYOID, -1, InvalidOid, 0));
  conversion->elemexpr = division_of_value();
  conversion->resulttype = INT4ARRAYOID;
  return !contain_leaked_vars(reinterpret_cast<Node *>(conversion));
}

bool overlooks_cases() {
  auto *when = makeNode(CaseWhen);
  when->expr = division_of_value();
  when->result = reinterpret_cast<Expr *>(makeNullConst(INT4OID, -1, InvalidOid));
  auto *choice = makeNode(CaseExpr);
  choice->casetype = INT4OID;
  choice->arg = reinterpret_cast<Expr *>(makeVar(1, 1, INT4OID, -1, InvalidOid, 0));
  choice->args = list_make1(when);
  return !contain_leaked_vars(reinterpret_cast<Node *>(choice));
}

// Asked of the server, whose fix comes with a minor version that the module was not built with.
bool server_overlooks() {
  if (server == server_unknown)
    server = overlooks_elements() || overlooks_cases() ? server_overlooks_some : server_sees;
  return server == server_overlooks_some;
}

List *with_late_ones_last(List *conditions) {
  List *early = NIL, *late = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    auto *condition = static_cast<Node *>(lfirst(cell));
    if (passes_value_on(condition, nullptr))
      late = lappend(late, condition);
    else
      early = lappend(early, condition);
  }
  return list_concat(early, late);
}

List *parts_of(const Plan *plan) {
  switch (nodeTag(plan)) {
    case T_Append:
      return reinterpret_cast<const Append *>(plan)->appendplans;
    case T_MergeAppend:
      return reinterpret_cast<const MergeAppend *>(plan)->mergeplans;
    case T_CustomScan:
      return reinterpret_cast<const CustomScan *>(plan)->custom_plans;
    default:
      return NIL;
  }
}

// Each plan of the statement. Joins are made of rows that have passed.
// NOLINTNEXTLINE(misc-no-recursion)
void order_conditions(Plan *plan) {
  if (plan == nullptr) return;
  check_stack_depth();
  if (list_length(plan->qual) > 1) plan->qual = with_late_ones_last(plan->qual);
  order_conditions(plan->lefttree);
  order_conditions(plan->righttree);
  if (IsA(plan, SubqueryScan)) order_conditions(reinterpret_cast<SubqueryScan *>(plan)->subplan);
  const ListCell *cell = nullptr;
  foreach (cell, parts_of(plan)) order_conditions(static_cast<Plan *>(lfirst(cell)));
}

extern "C" {
static PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters) {
  const bool has_policies = query->hasRowSecurity;
  PlannedStmt *statement = next_planner != nullptr ? next_planner(query, text, options, parameters)
                                                   : standard_planner(query, text, options, parameters);
  // Somewhere in the query, or in a function that planning has put in place of a call.
  if ((!has_policies && !statement->dependsOnRole) || !server_overlooks()) return statement;
  order_conditions(statement->planTree);
  const ListCell *cell = nullptr;
  foreach (cell, statement->subplans) order_conditions(static_cast<Plan *>(lfirst(cell)));
  return statement;
}
}

}  // namespace

void register_late_conditions() {
  next_planner = planner_hook;
  planner_hook = plan;
}

}  // namespace tenancy::pg
