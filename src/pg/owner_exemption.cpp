#include "pg/owner_exemption.hpp"

#include "pg/compat.hpp"

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;
ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;
ExecutorFinish_hook_type next_finish = nullptr;

struct Exemption {
  Oid user;
  int context;
  bool is_suspended;
};

Exemption suspend_exemption() {
  Exemption exemption{};
  if (!InNoForceRLSOperation()) return exemption;
  GetUserIdAndSecContext(&exemption.user, &exemption.context);
  SetUserIdAndSecContext(exemption.user, exemption.context & ~SECURITY_NOFORCE_RLS);
  exemption.is_suspended = true;
  return exemption;
}

// Not called after an error, when the end of the (sub)transaction restores the context that it began with.
void resume_exemption(const Exemption &exemption) {
  if (exemption.is_suspended) SetUserIdAndSecContext(exemption.user, exemption.context);
}

extern "C" {
static PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters) {
  const Exemption exemption = suspend_exemption();
  PlannedStmt *statement = next_planner != nullptr ? next_planner(query, text, options, parameters)
                                                   : standard_planner(query, text, options, parameters);
  resume_exemption(exemption);
  return statement;
}

// Pruning of partitions may call functions.
static void start(QueryDesc *query, int flags) {
  const Exemption exemption = suspend_exemption();
  if (next_start != nullptr)
    next_start(query, flags);
  else
    standard_ExecutorStart(query, flags);
  resume_exemption(exemption);
}

// AFTER triggers
static void finish(QueryDesc *query) {
  const Exemption exemption = suspend_exemption();
  if (next_finish != nullptr)
    next_finish(query);
  else
    standard_ExecutorFinish(query);
  resume_exemption(exemption);
}
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *query, ScanDirection direction, uint64 count, Rest... rest) {
  const Exemption exemption = suspend_exemption();
  if (next_run != nullptr)
    next_run(query, direction, count, rest...);
  else
    standard_ExecutorRun(query, direction, count, rest...);
  resume_exemption(exemption);
}

}  // namespace

void register_owner_exemption() {
  next_planner = planner_hook;
  planner_hook = plan;
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = finish;
}

}  // namespace tenancy::pg
