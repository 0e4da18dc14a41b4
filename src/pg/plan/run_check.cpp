#include "pg/plan/run_check.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

#include "pg/plan/plan_guard.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/plan/unguarded_plan.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/seal_and_lifetime.hpp"

namespace tenancy::pg {
namespace {

ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;
ExecutorFinish_hook_type next_finish = nullptr;

// A scan that was created without its guard.
struct Scan {
  PlanState *node;
  ExecProcNodeMtd next_row;     // the server's own
  ExprStateEvalFunc condition;  // while armed, the function that evaluates the scan's conditions
  ExprState *guarded;           // in a shared plan: the conditions with the guards, once they were needed
};

// Of a query with a shared plan.
struct Started {
  PrincipalAtStart by;
  SessionToken unchanged;  // neither parameters nor catalogs
};

// The scans of one query, found by the query's own memory context and freed with it.
struct Query {
  PlanStamp made_for;
  bool is_shared;
  Started started;
  PlanState *plan;
  bool has_keys_of_another;  // evaluated while the session was somebody else
  PodArray<Scan, 4> scans;   // in the order of their nodes' addresses
  Query *outer;              // while running: the run around it
  bool is_running;
  MemoryContextCallback at_end;
};

struct {
  Query *innermost;  // of the running queries
  int count;         // of all queries
} state{};

extern "C" {
static void query_ends(void *argument) {
  const auto *query = static_cast<Query *>(argument);
  state.count--;
  // The memory of a terminated session is freed without any unwinding before.
  for (Query **place = &state.innermost; *place != nullptr; place = &(*place)->outer)
    if (*place == query) {
      *place = query->outer;
      break;
    }
}
}

Query *query_in(MemoryContext context) {
  if (state.count == 0) return nullptr;
  for (const MemoryContextCallback *callback = context->reset_cbs; callback != nullptr;
       callback = callback->next)
    if (callback->func == query_ends) return static_cast<Query *>(callback->arg);
  return nullptr;
}

Query *query_of(const EState *execution) {
  return execution == nullptr ? nullptr : query_in(execution->es_query_cxt);
}

Scan *scan_of(const Query *query, const PlanState *node) {
  if (query == nullptr) return nullptr;
  Scan *end = query->scans.items + query->scans.count;
  Scan *place =
      std::lower_bound(query->scans.items, end, node, [](const Scan &scan, const PlanState *sought) {
        return std::less<const PlanState *>()(scan.node, sought);
      });
  return place != end && place->node == node ? place : nullptr;
}

[[noreturn]] void raise_unknown_scan() {
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a scan has lost the guard of its rows")));
  pg_unreachable();
}

void check_keys(const Query &query) {
  if (query.has_keys_of_another) raise_principal_changed();
}

void check(const Query &query) {
  if (is_sealed()) check_seal();
  const PlanStamp &made_for = query.made_for;
  if (made_for.is_for_principal) check_plan_is_current(made_for.stamp, made_for.not_after);
  if (!query.is_shared) return;
  check_plan_is_current(query.started.by.stamp, query.started.by.not_after);
  check_keys(query);
}

// The plan itself has the guards.
ExprState *guarded_conditions(Scan *scan) {
  if (scan->guarded == nullptr) {
    const MemoryContext caller = MemoryContextSwitchTo(scan->node->state->es_query_cxt);
    scan->guarded = ExecInitQual(scan->node->plan->qual, scan->node);
    MemoryContextSwitchTo(caller);
  }
  return scan->guarded;
}

// Of a row that a scan without any other conditions has returned.
bool passes_guards(Scan *scan, TupleTableSlot *row) {
  ExprContext *context = scan->node->ps_ExprContext;
  // Without a projection, the row is that of the table, and nothing else refers to it.
  if (scan->node->ps_ProjInfo == nullptr) context->ecxt_scantuple = row;
  return ExecQual(guarded_conditions(scan), context);
}

extern "C" {
static TupleTableSlot *checked_row(PlanState *node) {
  const Query *query = query_of(node->state);
  Scan *scan = scan_of(query, node);
  if (scan == nullptr) raise_unknown_scan();
  count(Counter::rows_checked);
  while (true) {
    check(*query);
    TupleTableSlot *row = scan->next_row(node);
    check(*query);
    if (!query->is_shared || node->qual != nullptr || TupIsNull(row) || passes_guards(scan, row)) return row;
  }
}

// After a user's function among the conditions has changed the principal, it must get no further row.
static Datum checked_condition(ExprState *condition, ExprContext *context, bool *is_null) {
  const Query *query = query_of(condition->parent->state);
  Scan *scan = scan_of(query, condition->parent);
  if (scan == nullptr) raise_unknown_scan();
  check(*query);
  if (query->is_shared) return ExecEvalExpr(guarded_conditions(scan), context, is_null);
  // The first evaluation replaces the function.
  condition->evalfunc = scan->condition;
  const Datum result = condition->evalfunc(condition, context, is_null);
  if (condition->evalfunc != checked_condition) {
    scan->condition = condition->evalfunc;
    condition->evalfunc = checked_condition;
  }
  return result;
}
}

void arm(const Query &query) {
  for (int i = 0; i < query.scans.count; i++) {
    Scan &scan = query.scans.items[i];
    ExecSetExecProcNode(scan.node, checked_row);
    ExprState *condition = scan.node->qual;
    if (condition == nullptr || condition->evalfunc == checked_condition) continue;
    scan.condition = condition->evalfunc;
    condition->evalfunc = checked_condition;
  }
}

void disarm(const Query &query) {
  for (int i = 0; i < query.scans.count; i++) {
    const Scan &scan = query.scans.items[i];
    ExecSetExecProcNode(scan.node, scan.next_row);
    if (scan.node->qual != nullptr && scan.node->qual->evalfunc == checked_condition)
      scan.node->qual->evalfunc = scan.condition;
  }
}

// --- start

struct Start {
  const PlanCopies *copies;
  Query *query;
};

const Plan *original_of(const Start &start, const Plan *plan) {
  const PlanCopies::Node *node = find_copy(*start.copies, plan);
  return node == nullptr ? plan : node->original;
}

extern "C" {
// From here on the plan is the original again: workers and EvalPlanQual, which create scans of their own from
// it, get the guard.
static bool put_plan_back(PlanState *node, void *context) {
  if (node == nullptr) return false;
  const auto *start = static_cast<const Start *>(context);
  if (const PlanCopies::Node *plan = find_copy(*start->copies, node->plan); plan != nullptr) {
    node->plan = plan->original;
    if (plan->is_guarded) start->query->scans.append({node, node->ExecProcNodeReal, nullptr, nullptr});
  }
  if (IsA(node, ModifyTableState)) {
    EPQState &recheck = reinterpret_cast<ModifyTableState *>(node)->mt_epqstate;
    recheck.plan = const_cast<Plan *>(original_of(*start, recheck.plan));
  } else if (IsA(node, LockRowsState)) {
    EPQState &recheck = reinterpret_cast<LockRowsState *>(node)->lr_epqstate;
    recheck.plan = const_cast<Plan *>(original_of(*start, recheck.plan));
  }
  return walk_plan_states(node, put_plan_back, context);
}

static void start(QueryDesc *description, int flags) {
  const auto start_next = [=] {
    if (next_start != nullptr)
      next_start(description, flags);
    else
      standard_ExecutorStart(description, flags);
  };
  PlannedStmt *statement = description->plannedstmt;
  const GuardsHeld held = guards_held(statement);
  // A worker's scans come from the leader's plan, and its principal cannot change while it works.
  if ((flags & EXEC_FLAG_EXPLAIN_ONLY) != 0 || IsParallelWorker() || (!held.plan && !held.shape)) {
    start_next();
    return;
  }
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "tenancy run check", ALLOCSET_SMALL_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  PlanCopies copies{};
  PlannedStmt *copy = without_guards(statement, copies);
  auto *query = static_cast<Query *>(palloc0(sizeof(Query)));
  MemoryContextSwitchTo(caller);
  if (copy != nullptr) query->made_for = copies.made_for;
  if (held.shape) {
    query->is_shared = true;
    query->started.unchanged = SessionToken::now();
    const bool is_known = copies.made_for.is_for_profile && !copies.is_of_several;
    query->started.by = principal_at_start(is_known ? &copies.made_for.profile : nullptr);
  } else if (copy == nullptr) {
    MemoryContextDelete(context);
    start_next();
    return;
  }
  server_fault_point();
  if (copy != nullptr) description->plannedstmt = copy;
  start_next();
  server_fault_point();
  description->plannedstmt = statement;

  query->plan = description->planstate;
  EState *execution = description->estate;
  execution->es_plannedstmt = statement;
  MemoryContextSetParent(context, execution->es_query_cxt);
  MemoryContextSwitchTo(context);
  if (copy != nullptr) {
    Start started{&copies, query};
    put_plan_back(description->planstate, &started);
    const ListCell *cell = nullptr;
    foreach (cell, execution->es_subplanstates)
      put_plan_back(static_cast<PlanState *>(lfirst(cell)), &started);
  }
  MemoryContextSwitchTo(caller);
  std::sort(query->scans.items, query->scans.items + query->scans.count,
            [](const Scan &a, const Scan &b) { return std::less<const PlanState *>()(a.node, b.node); });
  query->at_end = {query_ends, query, nullptr};
  MemoryContextRegisterResetCallback(execution->es_query_cxt, &query->at_end);
  state.count++;
  arm(*query);
}
}

// --- run

bool may_be_disarmed(const Query &query) { return !query.is_shared || query.started.unchanged.valid(); }

void enter(Query &query) {
  query.outer = state.innermost;
  query.is_running = true;
  state.innermost = &query;
}

void leave(Query &query) {
  if (state.innermost == &query) state.innermost = query.outer;
  query.is_running = false;
  arm(query);
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *description, ScanDirection direction, uint64 count_of_rows, Rest... rest) {
  begin_statement();
  Query *query = ScanDirectionIsNoMovement(direction) ? nullptr : query_of(description->estate);
  struct Work {
    QueryDesc *description;
    ScanDirection direction;
    uint64 count_of_rows;
    std::tuple<Rest...> rest;
    Query *query;
  } work{description, direction, count_of_rows, {rest...}, query};
  const auto run_next = [](void *argument) {
    const auto *given = static_cast<Work *>(argument);
    std::apply(
        [given](Rest... others) {
          if (next_run != nullptr)
            next_run(given->description, given->direction, given->count_of_rows, others...);
          else
            standard_ExecutorRun(given->description, given->direction, given->count_of_rows, others...);
        },
        given->rest);
  };
  if (query == nullptr || query->is_running) {
    run_next(&work);
    return;
  }
  count(Counter::runs_checked);
  check(*query);
  server_fault_point();
  enter(*query);
  if (may_be_disarmed(*query)) disarm(*query);
  run_with_cleanup(
      run_next, [](void *argument) { leave(*static_cast<Work *>(argument)->query); }, &work);
  check_keys(*query);
}

extern "C" {
// Modifying CTEs that the query does not read run here. They find armed scans, and the query is innermost.
static void finish(QueryDesc *description) {
  struct Work {
    QueryDesc *description;
    Query *query;
  } work{description, query_of(description->estate)};
  const auto finish_next = [](void *argument) {
    const auto *given = static_cast<Work *>(argument);
    if (next_finish != nullptr)
      next_finish(given->description);
    else
      standard_ExecutorFinish(given->description);
  };
  if (work.query == nullptr || work.query->is_running) {
    finish_next(&work);
    return;
  }
  enter(*work.query);
  run_with_cleanup(
      finish_next, [](void *argument) { leave(*static_cast<Work *>(argument)->query); }, &work);
  check_keys(*work.query);
}
}

}  // namespace

namespace {

bool calls(ExprState *expression, const FmgrInfo *function) {
  if (expression == nullptr) return false;
  for (int i = 0; i < expression->steps_len; i++) {
    ExprEvalStep &step = expression->steps[i];
    const ExprEvalOp operation = ExecEvalStepOp(expression, &step);
    if (operation >= EEOP_FUNCEXPR && operation <= EEOP_FUNCEXPR_STRICT_FUSAGE &&
        step.d.func.finfo == function)
      return true;
  }
  return false;
}

bool calls(const IndexRuntimeKeyInfo *keys, int count, const FmgrInfo *function) {
  return std::any_of(keys, keys + count,
                     [function](const IndexRuntimeKeyInfo &key) { return calls(key.key_expr, function); });
}

extern "C" {
static bool has_key_with(PlanState *node, void *function) {
  if (node == nullptr) return false;
  const auto *sought = static_cast<const FmgrInfo *>(function);
  bool found = false;
  if (IsA(node, IndexScanState)) {
    const auto *scan = reinterpret_cast<const IndexScanState *>(node);
    found = calls(scan->iss_RuntimeKeys, scan->iss_NumRuntimeKeys, sought);
  } else if (IsA(node, IndexOnlyScanState)) {
    const auto *scan = reinterpret_cast<const IndexOnlyScanState *>(node);
    found = calls(scan->ioss_RuntimeKeys, scan->ioss_NumRuntimeKeys, sought);
  } else if (IsA(node, BitmapIndexScanState)) {
    const auto *scan = reinterpret_cast<const BitmapIndexScanState *>(node);
    found = calls(scan->biss_RuntimeKeys, scan->biss_NumRuntimeKeys, sought) ||
            std::any_of(scan->biss_ArrayKeys, scan->biss_ArrayKeys + scan->biss_NumArrayKeys,
                        [sought](const IndexArrayKeyInfo &key) { return calls(key.array_expr, sought); });
  }
  return found || walk_plan_states(node, has_key_with, function);
}
}

// Whether the function is called for a key of an index, once for all rows of a scan.
bool is_of_key(const Query &query, const FmgrInfo *function) {
  if (has_key_with(query.plan, const_cast<FmgrInfo *>(function))) return true;
  const ListCell *cell = nullptr;
  foreach (cell, query.plan->state->es_subplanstates)
    if (has_key_with(static_cast<PlanState *>(lfirst(cell)), const_cast<FmgrInfo *>(function))) return true;
  return false;
}

}  // namespace

void arm_running_scans() {
  for (const Query *query = state.innermost; query != nullptr; query = query->outer) arm(*query);
}

void arm_running_shared_scans() {
  for (const Query *query = state.innermost; query != nullptr; query = query->outer)
    if (query->is_shared) arm(*query);
}

void note_evaluated_id(const FmgrInfo *function) {
  Query *query = query_in(function->fn_mcxt);
  // Conditions evaluate it for each row that they meet, also of others: an error would say that there is one.
  if (query != nullptr && query->is_shared && query->started.by.stamp != identity_stamp() &&
      is_of_key(*query, function))
    query->has_keys_of_another = true;
}

SinceStart principal_since_start() {
  const Query *query = state.innermost;
  if (query == nullptr || !query->is_shared) return SinceStart::unknown;
  return query->started.by.stamp == identity_stamp() ? SinceStart::same : SinceStart::another;
}

namespace {

// No principal's plans are dropped: their stamps say whose they are.
void session_user_changed() {
  expire_parameter_tokens();
  arm_running_scans();
}

}  // namespace

void register_run_checks() {
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = finish;
  watch_session_user(session_user_changed);
}

}  // namespace tenancy::pg
