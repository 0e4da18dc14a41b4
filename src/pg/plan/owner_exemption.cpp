#include "pg/plan/owner_exemption.hpp"

#include "pg/plan/filtered_owner.hpp"
#include "pg/plan/key_validation.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/kept_settings.hpp"

namespace tenancy::pg {
namespace {

post_parse_analyze_hook_type next_analyze = nullptr;
planner_hook_type next_planner = nullptr;
ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;
ExecutorFinish_hook_type next_finish = nullptr;

// Whether the innermost query that is executed has the exemption.
bool is_exempt = false;
bool are_actions_restricted = false;
// The transaction in which the module was loaded: queries that had begun are unknown.
TimestampTz loaded_in = 0;

struct Exemption {
  Oid user;
  int context;
  bool is_suspended;
  int settings;
};

// Code in the table (predicates of indexes, checks, triggers) is its owner's, and runs in the midst of
// whatever has set the statement off, a function with other rights perhaps: what it sets ends with it.
Exemption suspend_exemption() {
  Exemption exemption{};
  if (!InNoForceRLSOperation()) return exemption;
  GetUserIdAndSecContext(&exemption.user, &exemption.context);
  SetUserIdAndSecContext(exemption.user, (exemption.context & ~SECURITY_NOFORCE_RLS) |
                                             (are_actions_restricted ? SECURITY_RESTRICTED_OPERATION : 0));
  exemption.is_suspended = true;
  exemption.settings = keep_settings();
  return exemption;
}

// Not called after an error: the end of the (sub)transaction then restores its initial context, and the
// settings.
void resume_exemption(const Exemption &exemption) {
  if (!exemption.is_suspended) return;
  SetUserIdAndSecContext(exemption.user, exemption.context);
  restore_settings(exemption.settings);
}

// Executes with is_exempt set. Nearly all queries are as exempt as the one that they are in: not at all.
template <typename Work>
void execute(bool exempt, Work work) {
  if (exempt == is_exempt) {
    work();
    return;
  }
  struct Change {
    Work *work;
    bool before;
  } change{&work, is_exempt};
  is_exempt = exempt;
  run_with_cleanup([](void *argument) { (*static_cast<Change *>(argument)->work)(); },
                   [](void *argument) { is_exempt = static_cast<Change *>(argument)->before; }, &change);
}

struct Table {
  bool has_rules;
  bool is_forced;
};

Table read_table(Oid oid) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(row)) return {};
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  const Table table{form->relhasrules, form->relrowsecurity && form->relforcerowsecurity};
  ReleaseSysCache(row);
  return table;
}

void clear_exemption() {
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  SetUserIdAndSecContext(user, context & ~SECURITY_NOFORCE_RLS);
}

extern "C" {
// Before the query is rewritten. The code that set the flag restores the previous context.
static void analyzed(ParseState *state, Query *query, QueryJumble *jumble) {
  if (next_analyze != nullptr) next_analyze(state, query, jumble);
  outer_user_may_have_changed();
  check_validation(state->p_sourcetext, query);
  if (!InNoForceRLSOperation() || query->resultRelation == 0) return;
  const Oid relation = rt_fetch(query->resultRelation, query->rtable)->relid;
  const Table table = read_table(relation);
  if (!table.has_rules) return;
  if (table.is_forced)
    ereport(
        ERROR,
        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
         errmsg("table \"%s\" has rules and forced row security", get_rel_name(relation)),
         errdetail("Neither a referential action nor an export or removal of tenants' rows can change it."),
         errhint("Use triggers in place of the rules.")));
  clear_exemption();
}

// The exemption ends with it.
static void transaction_ends(XactEvent event, void *) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
  validation_ends();
  if (InNoForceRLSOperation()) clear_exemption();
}

// Pruning of partitions may call functions.
static void start(QueryDesc *query, int flags) {
  outer_user_may_have_changed();
  const Exemption exemption = suspend_exemption();
  if (next_start != nullptr)
    next_start(query, flags);
  else
    standard_ExecutorStart(query, flags);
  resume_exemption(exemption);
}

// AFTER triggers, and what WITH has left to change
static void finish(QueryDesc *query) {
  const Exemption exemption = suspend_exemption();
  execute(exemption.is_suspended, [query] {
    if (next_finish != nullptr)
      next_finish(query);
    else
      standard_ExecutorFinish(query);
  });
  resume_exemption(exemption);
}
}

// Since PostgreSQL 19 there is one more argument: the state of EXPLAIN.
template <typename... Rest>
PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters, Rest... rest) {
  outer_user_may_have_changed();
  const Exemption exemption = suspend_exemption();
  PlannedStmt *statement = next_planner != nullptr
                               ? next_planner(query, text, options, parameters, rest...)
                               : standard_planner(query, text, options, parameters, rest...);
  resume_exemption(exemption);
  return statement;
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *query, ScanDirection direction, uint64 count, Rest... rest) {
  const Exemption exemption = suspend_exemption();
  execute(exemption.is_suspended, [=] {
    if (next_run != nullptr)
      next_run(query, direction, count, rest...);
    else
      standard_ExecutorRun(query, direction, count, rest...);
  });
  resume_exemption(exemption);
}

}  // namespace

extern "C" {
// Event trigger. A new foreign key is validated by one query on both tables, as their owner: over all rows,
// as the checks of single rows are. Otherwise it would be valid although rows hidden from the owner violate
// it, or refused because of hidden rows.
PG_FUNCTION_INFO_V1(pg_tenancy_exempt_validation);
Datum pg_tenancy_exempt_validation(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function must be called by an event trigger")));
  const auto *event = reinterpret_cast<const EventTriggerData *>(fcinfo->context);
  // The end does not look anything up again: users' code that ran meanwhile may have renamed objects.
  if (strcmp(event->event, "ddl_command_start") != 0) {
    validation_ends();
    clear_exemption();
  } else if (validation_begins(event->parsetree)) {
    Oid user = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(user, context | SECURITY_NOFORCE_RLS);
  }
  PG_RETURN_NULL();
}
}

bool restrict_actions(bool restricted) {
  const bool before = are_actions_restricted;
  are_actions_restricted = restricted;
  return before;
}

bool may_be_exempt() { return is_exempt || loaded_in == GetCurrentTransactionStartTimestamp(); }

void register_owner_exemption() {
  if (IsTransactionState()) loaded_in = GetCurrentTransactionStartTimestamp();
  RegisterXactCallback(transaction_ends, nullptr);
  next_analyze = post_parse_analyze_hook;
  post_parse_analyze_hook = analyzed;
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
