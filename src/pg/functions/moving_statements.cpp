#include "pg/functions/moving_statements.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
}

namespace tenancy::pg {
namespace {

ExecutorStart_hook_type next_start = nullptr;
void (*ends)(MemoryContext) = nullptr;

// In the statement's own memory, which it calls as it goes.
struct Watched {
  MemoryContextCallback at_end;
  MemoryContext statement;
  bool stores_all;
};

extern "C" {
static void statement_ends(void *argument) { ends(static_cast<const Watched *>(argument)->statement); }
}

const Watched *find_watched(MemoryContext statement) {
  for (const MemoryContextCallback *callback = statement->reset_cbs; callback != nullptr;
       callback = callback->next)
    if (callback->func == statement_ends) return static_cast<const Watched *>(callback->arg);
  return nullptr;
}

void watch(MemoryContext statement, bool stores_all) {
  auto *watched = static_cast<Watched *>(MemoryContextAlloc(statement, sizeof(Watched)));
  *watched = {{statement_ends, watched, nullptr}, statement, stores_all};
  MemoryContextRegisterResetCallback(statement, &watched->at_end);
}

bool is_conditional_insert(const void *plan) {
  return plan != nullptr && IsA(plan, ModifyTable) &&
         static_cast<const ModifyTable *>(plan)->onConflictAction != ONCONFLICT_NONE;
}

// Only the statement itself, and parts of its WITH, change rows.
bool stores_all(const PlannedStmt *statement) {
  if (statement->commandType == CMD_UTILITY || is_conditional_insert(statement->planTree)) return false;
  const ListCell *cell = nullptr;
  if (statement->hasModifyingCTE)
    foreach (cell, statement->subplans)
      if (is_conditional_insert(lfirst(cell))) return false;
  return true;
}

// Of a statement that began before the module was loaded, by a trigger of its own: its plan is known where it
// is the session's, and not a function's.
bool stores_all_of_portal(MemoryContext statement) {
  if (ActivePortal == nullptr || MemoryContextGetParent(statement) != ActivePortal->portalContext)
    return false;
  const ListCell *cell = nullptr;
  foreach (cell, ActivePortal->stmts)
    if (!stores_all(lfirst_node(PlannedStmt, cell))) return false;
  return true;
}

extern "C" {
static void start(QueryDesc *description, int flags) {
  if (next_start != nullptr)
    next_start(description, flags);
  else
    standard_ExecutorStart(description, flags);
  const PlannedStmt *statement = description->plannedstmt;
  if (statement->commandType == CMD_UPDATE || statement->commandType == CMD_MERGE ||
      statement->hasModifyingCTE)
    watch(description->estate->es_query_cxt, stores_all(statement));
}
}

}  // namespace

MemoryContext statement_of(const TriggerData *trigger) { return trigger->tg_trigslot->tts_mcxt; }

void watch_statement(MemoryContext statement) {
  if (find_watched(statement) == nullptr) watch(statement, stores_all_of_portal(statement));
}

bool stores_all_rows(MemoryContext statement) {
  const Watched *watched = find_watched(statement);
  return watched != nullptr && watched->stores_all;
}

void register_moving_statements(void (*given_ends)(MemoryContext)) {
  ends = given_ends;
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
}

}  // namespace tenancy::pg
