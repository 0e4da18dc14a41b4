#include "pg/plan/parallel_reads.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/generation.hpp"
#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;

// Of a query whose workers may call functions; in the query's own memory.
struct Reads {
  PlannedStmt *statement;  // the query's own copy
  SessionToken unchanged;
  MemoryContextCallback at_end;
};

extern "C" {
static void query_ends(void *) {}
}

Reads *reads_of(const QueryDesc *description) {
  for (const MemoryContextCallback *callback = description->estate->es_query_cxt->reset_cbs;
       callback != nullptr; callback = callback->next)
    if (callback->func == query_ends) return static_cast<Reads *>(callback->arg);
  return nullptr;
}

// Also of users' functions, which can call ours. A plan guard compares what a worker has from its leader.
bool calls_functions(const PlannedStmt *statement) {
  uint32 plan_guard = 0;
  const bool has_plan_guards = guard_hash(Guard::plan, &plan_guard);
  const ListCell *cell = nullptr;
  foreach (cell, statement->invalItems) {
    const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
    if (item->cacheId == PROCOID && !(has_plan_guards && item->hashValue == plan_guard)) return true;
  }
  return false;
}

// The snapshot of a query around this one is held by both.
bool is_old(const Snapshot snapshot) {
  return IsolationUsesXactSnapshot() || (snapshot != nullptr && snapshot->regd_count > 1);
}

extern "C" {
static void start(QueryDesc *description, int flags) {
  const auto start_next = [=] {
    if (next_start != nullptr)
      next_start(description, flags);
    else
      standard_ExecutorStart(description, flags);
  };
  const PlannedStmt *statement = description->plannedstmt;
  if (!statement->parallelModeNeeded || (flags & EXEC_FLAG_EXPLAIN_ONLY) != 0 || IsParallelWorker() ||
      !calls_functions(statement) || !OidIsValid(get_namespace_oid("tenancy", true))) {
    start_next();
    return;
  }
  auto *copy = static_cast<PlannedStmt *>(palloc(sizeof(PlannedStmt)));
  memcpy(static_cast<void *>(copy), statement, sizeof(PlannedStmt));
  copy->parallelModeNeeded = !is_old(description->snapshot);
  description->plannedstmt = copy;
  start_next();
  const MemoryContext context = description->estate->es_query_cxt;
  auto *reads = static_cast<Reads *>(MemoryContextAllocZero(context, sizeof(Reads)));
  reads->statement = copy;
  reads->unchanged = SessionToken::now();
  reads->at_end = {query_ends, reads, nullptr};
  MemoryContextRegisterResetCallback(context, &reads->at_end);
}
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *description, ScanDirection direction, uint64 count_of_rows, Rest... rest) {
  if (description->plannedstmt->parallelModeNeeded && !IsParallelWorker())
    if (Reads *reads = reads_of(description); reads != nullptr) {
      AcceptInvalidationMessages();
      if (!reads->unchanged.valid()) reads->statement->parallelModeNeeded = false;
    }
  if (next_run != nullptr)
    next_run(description, direction, count_of_rows, rest...);
  else
    standard_ExecutorRun(description, direction, count_of_rows, rest...);
}

}  // namespace

void register_parallel_reads() {
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
}

}  // namespace tenancy::pg
