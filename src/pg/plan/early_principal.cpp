// The server asks no hook before it takes a plan from its cache. So a principal is looked up by the end of
// the statement that chooses it: SET, and a SELECT of nothing but set_config(). In between no other plan is
// run. Elsewhere (within another query, at start-up, undone by a rollback) plans of an unknown profile are
// dropped at the assignment.

#include "pg/plan/early_principal.hpp"

#include <tuple>

#include "pg/plan/shared_plans.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"

namespace tenancy::pg {
namespace {

ProcessUtility_hook_type next_process_utility = nullptr;
ExecutorRun_hook_type next_run = nullptr;

struct Choice {
  void (*run)(void *);
  void *argument;
  bool is_done;
};

void choose(void (*run)(void *), void *argument) {
  if (!await_profile()) {
    run(argument);
    return;
  }
  Choice choice{run, argument, false};
  run_with_cleanup(
      [](void *chosen) {
        auto *work = static_cast<Choice *>(chosen);
        work->run(work->argument);
        work->is_done = true;
      },
      [](void *chosen) { end_await(static_cast<Choice *>(chosen)->is_done); }, &choice);
  look_up_profile();
}

bool is_of_principal(const Node *statement) {
  const auto *set = reinterpret_cast<const VariableSetStmt *>(statement);
  return IsA(set, VariableSetStmt) && set->name != nullptr &&
         pg_strncasecmp(set->name, "tenancy.", strlen("tenancy.")) == 0;
}

// No function but set_config(), of constants and parameters.
bool is_settings_alone(const QueryDesc *description) {
  const Plan *plan = description->plannedstmt->planTree;
  if (description->operation != CMD_SELECT || plan == nullptr || !IsA(plan, Result) ||
      plan->lefttree != nullptr || plan->qual != NIL || description->plannedstmt->subplans != NIL ||
      reinterpret_cast<const Result *>(plan)->resconstantqual != nullptr)
    return false;
  const ListCell *cell = nullptr;
  foreach (cell, plan->targetlist) {
    const auto *call = reinterpret_cast<const FuncExpr *>(lfirst_node(TargetEntry, cell)->expr);
    if (!IsA(call, FuncExpr) || call->funcid != F_SET_CONFIG) return false;
    const ListCell *argument = nullptr;
    foreach (argument, call->args) {
      const auto *value = static_cast<const Node *>(lfirst(argument));
      const bool is_given =
          IsA(value, Param) && reinterpret_cast<const Param *>(value)->paramkind == PARAM_EXTERN;
      if (!IsA(value, Const) && !is_given) return false;
    }
  }
  return true;
}

struct Utility {
  PlannedStmt *statement;
  const char *query;
  bool read_only_tree;
  ProcessUtilityContext context;
  ParamListInfo parameters;
  QueryEnvironment *environment;
  DestReceiver *receiver;
  QueryCompletion *completion;
};

extern "C" {
static void run_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                        ProcessUtilityContext context, ParamListInfo parameters,
                        QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion) {
  Utility utility{statement, query, read_only_tree, context, parameters, environment, receiver, completion};
  const auto run_next = [](void *argument) {
    const auto *given = static_cast<Utility *>(argument);
    const auto next = next_process_utility != nullptr ? next_process_utility : standard_ProcessUtility;
    next(given->statement, given->query, given->read_only_tree, given->context, given->parameters,
         given->environment, given->receiver, given->completion);
  };
  if (is_of_principal(statement->utilityStmt))
    choose(run_next, &utility);
  else
    run_next(&utility);
}
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *description, ScanDirection direction, uint64 count_of_rows, Rest... rest) {
  struct Run {
    QueryDesc *description;
    ScanDirection direction;
    uint64 count_of_rows;
    std::tuple<Rest...> rest;
  } work{description, direction, count_of_rows, {rest...}};
  const auto run_next = [](void *argument) {
    const auto *given = static_cast<Run *>(argument);
    std::apply(
        [given](Rest... others) {
          if (next_run != nullptr)
            next_run(given->description, given->direction, given->count_of_rows, others...);
          else
            standard_ExecutorRun(given->description, given->direction, given->count_of_rows, others...);
        },
        given->rest);
  };
  if (has_shared_plans() && is_settings_alone(description))
    choose(run_next, &work);
  else
    run_next(&work);
}

}  // namespace

void register_early_principal() {
  next_process_utility = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
}

}  // namespace tenancy::pg
