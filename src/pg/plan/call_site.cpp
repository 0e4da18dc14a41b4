#include "pg/plan/call_site.hpp"

#include <algorithm>

#include "pg/plan/row_filter_functions.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace tenancy::pg {
namespace {

// An argument may contain a call that has been replaced by a filter with copies of its own argument, and so
// on.
constexpr int most_nodes_copied = 100;

bool is_copyable(const Node *node) {
  switch (nodeTag(node)) {
    case T_Var:
      return reinterpret_cast<const Var *>(node)->varlevelsup == 0;
    case T_Param:
      return reinterpret_cast<const Param *>(node)->paramkind == PARAM_EXTERN;
    case T_FuncExpr:
      return !reinterpret_cast<const FuncExpr *>(node)->funcretset;
    case T_OpExpr:
      return !reinterpret_cast<const OpExpr *>(node)->opretset;
    case T_List:
    case T_Const:
    case T_DistinctExpr:
    case T_NullIfExpr:
    case T_ScalarArrayOpExpr:
    case T_BoolExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_RelabelType:
    case T_CollateExpr:
    case T_CoerceViaIO:
    case T_CoerceToDomain:
    case T_ArrayCoerceExpr:
    case T_ConvertRowtypeExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_FieldSelect:
    case T_SubscriptingRef:
    case T_ArrayExpr:
    case T_RowExpr:
    case T_SQLValueFunction:
      return true;
    default:
      return false;
  }
}

extern "C" {
static bool cannot_be_copied(Node *node, void *context) {
  if (node == nullptr) return false;
  auto *nodes = static_cast<int *>(context);
  if (++*nodes > most_nodes_copied || !is_copyable(node)) return true;
  return walk_expression(node, cannot_be_copied, context);
}

static bool is_users_function(Oid function, void *) { return function >= FirstNormalObjectId; }

static bool calls_users_function(Node *node, void *context) {
  if (node == nullptr) return false;
  if (check_functions_in_node(node, is_users_function, nullptr)) return true;
  return walk_expression(node, calls_users_function, context);
}
}

// equal(), at once for what nearly all calls in policies consist of.
bool is_same_argument(const Node *one, const Node *other) {
  if (nodeTag(one) != nodeTag(other)) return false;
  if (IsA(one, Var))
    return is_same_column(reinterpret_cast<const Var *>(one), reinterpret_cast<const Var *>(other));
  if (IsA(one, Const)) {
    const auto *constant = reinterpret_cast<const Const *>(one),
               *second = reinterpret_cast<const Const *>(other);
    return constant->consttype == second->consttype && constant->consttypmod == second->consttypmod &&
           constant->constcollid == second->constcollid && constant->constisnull == second->constisnull &&
           (constant->constisnull ||
            datumIsEqual(constant->constvalue, second->constvalue, constant->constbyval, constant->constlen));
  }
  return equal(one, other);
}

// The conditions searched for.
struct Sought {
  const FuncExpr *call;
  bool (*is_found)(const FuncExpr *one, const FuncExpr *call);
};

// NOLINTNEXTLINE(misc-no-recursion)
Place place_in(const Sought &sought, const Node *condition, Place here) {
  if (condition == nullptr) return Place::elsewhere;
  check_stack_depth();
  const List *parts = nullptr;
  if (IsA(condition, FuncExpr))
    return sought.is_found(reinterpret_cast<const FuncExpr *>(condition), sought.call) ? here
                                                                                       : Place::elsewhere;
  if (IsA(condition, List)) {
    parts = reinterpret_cast<const List *>(condition);
  } else if (IsA(condition, BoolExpr)) {
    const auto *expression = reinterpret_cast<const BoolExpr *>(condition);
    if (expression->boolop == NOT_EXPR) return Place::elsewhere;
    if (expression->boolop == OR_EXPR) here = Place::alternative;
    parts = expression->args;
  }
  Place best = Place::elsewhere;
  const ListCell *cell = nullptr;
  foreach (cell, parts) best = std::max(best, place_in(sought, static_cast<Node *>(lfirst(cell)), here));
  return best;
}

// NOLINTNEXTLINE(misc-no-recursion)
Place place_in_join_tree(const Sought &sought, const Node *node) {
  if (node == nullptr) return Place::elsewhere;
  check_stack_depth();
  Place best = Place::elsewhere;
  if (IsA(node, FromExpr)) {
    const auto *from = reinterpret_cast<const FromExpr *>(node);
    best = place_in(sought, from->quals, Place::condition);
    const ListCell *cell = nullptr;
    foreach (cell, from->fromlist)
      best = std::max(best, place_in_join_tree(sought, static_cast<Node *>(lfirst(cell))));
  } else if (IsA(node, JoinExpr)) {
    const auto *join = reinterpret_cast<const JoinExpr *>(node);
    // A row rejected by an outer join's condition can still pass without its partner.
    if (join->jointype == JOIN_INNER || join->jointype == JOIN_SEMI)
      best = place_in(sought, join->quals, Place::condition);
    else if (join->jointype != JOIN_ANTI)
      best = place_in(sought, join->quals, Place::alternative);
    best = std::max(best, place_in_join_tree(sought, join->larg));
    if (join->jointype != JOIN_ANTI) best = std::max(best, place_in_join_tree(sought, join->rarg));
  }
  return best;
}

// Policies' conditions are simplified last; the query's own before HAVING and after the target list. An
// expression of the target list must have the same result as its copy in HAVING, or grouping wouldn't find
// it; RETURNING is evaluated on changed rows.
bool are_conditions_settled(const Query *query) {
  return !calls_users_function(query->havingQual, nullptr) &&
         !calls_users_function(reinterpret_cast<Node *>(query->returningList), nullptr);
}

// In a policy's WITH CHECK. The same call may also be evaluated on the old row.
Place place_in_check(const Query *query) {
  const bool is_new = query->commandType == CMD_INSERT && query->onConflict == nullptr;
  const bool is_asked_once = query->commandType == CMD_UPDATE &&
                             !calls_users_function(reinterpret_cast<Node *>(query->targetList), nullptr);
  return is_new || is_asked_once ? Place::condition : Place::alternative;
}

Place place_in_query(const PlannerInfo *root, const Sought &sought) {
  const Query *query = root->parse;
  Place best = Place::elsewhere;
  const ListCell *cell = nullptr;
  foreach (cell, query->rtable) {
    const auto *policies = reinterpret_cast<Node *>(lfirst_node(RangeTblEntry, cell)->securityQuals);
    best = std::max(best, place_in(sought, policies, Place::condition));
    if (best == Place::condition) return best;
  }
  if (query->withCheckOptions != NIL) {
    const Place in_check = place_in_check(query);
    foreach (cell, query->withCheckOptions) {
      best = std::max(best, place_in(sought, lfirst_node(WithCheckOption, cell)->qual, in_check));
      if (best == Place::condition) return best;
    }
  }
  return are_conditions_settled(query)
             ? std::max(best, place_in_join_tree(sought, reinterpret_cast<Node *>(query->jointree)))
             : best;
}

bool is_row_visible(const FuncExpr *one, const FuncExpr *call) {
  if (get_func_namespace(one->funcid) != get_func_namespace(call->funcid) ||
      list_length(one->args) < row_function_arguments)
    return false;
  const char *name = get_func_name(one->funcid);
  if (name == nullptr || strcmp(name, "row_visible") != 0) return false;
  for (int i = 0; i < row_function_arguments; i++)
    if (i != command_argument && !equal(list_nth(one->args, i), list_nth(call->args, i))) return false;
  return true;
}

}  // namespace

bool can_be_copied(Node *argument) {
  if (IsA(argument, Var) || IsA(argument, Const)) return is_copyable(argument);  // the usual case in policies
  int nodes = 0;
  return !cannot_be_copied(argument, &nodes) && !contain_volatile_functions(argument);
}

bool is_same_call(const FuncExpr *one, const FuncExpr *call) {
  if (one->funcid != call->funcid || list_length(one->args) != list_length(call->args)) return false;
  for (int i = 0; i < list_length(one->args); i++)
    if (!is_same_argument(static_cast<Node *>(list_nth(one->args, i)),
                          static_cast<Node *>(list_nth(call->args, i))))
      return false;
  return true;
}

Place place_of(const PlannerInfo *root, const FuncExpr *call, bool is_in_check) {
  if (is_in_check && place_in_check(root->parse) == Place::condition) return Place::condition;
  return place_in_query(root, {call, is_same_call});
}

bool is_for_visible_rows(const PlannerInfo *root, const FuncExpr *call) {
  return place_in_query(root, {call, is_row_visible}) == Place::condition;
}

}  // namespace tenancy::pg
