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
// The statement of work as a table's owner, as long as it lasts.
struct ExemptStatement {
  const char *text;
  Oid owner;
};
ExemptStatement exempt_statement{};
bool are_actions_restricted = false;
// The transaction in which the module was loaded: queries that had begun are unknown.
TimestampTz loaded_in = 0;

struct Exemption {
  Oid user;
  int context;
  bool is_suspended;
  int settings;
};

bool is_exempt_statement(const char *text) {
  return exempt_statement.text != nullptr && text != nullptr && GetUserId() == exempt_statement.owner &&
         strcmp(text, exempt_statement.text) == 0;
}

// Code in the table (predicates of indexes, checks, triggers) is its owner's, and runs in the midst of
// whatever has set the statement off, a function with other rights perhaps: what it sets ends with it.
Exemption suspend_exemption(const char *text) {
  Exemption exemption{};
  if (!InNoForceRLSOperation() && !is_exempt_statement(text)) return exemption;
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
  Oid owner;
  bool has_rules;
  bool is_forced;
};

// The flag in pg_class outlives them, until VACUUM.
bool has_rules(Oid table) {
  const Relation relation = RelationIdGetRelation(table);
  if (!RelationIsValid(relation)) return false;
  const bool found = relation->rd_rules != nullptr;
  RelationClose(relation);
  return found;
}

Table read_table(Oid oid) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(row)) return {};
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  const Table table{form->relowner, form->relhasrules && has_rules(oid),
                    form->relrowsecurity && form->relforcerowsecurity};
  ReleaseSysCache(row);
  return table;
}

void clear_exemption() {
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  SetUserIdAndSecContext(user, context & ~SECURITY_NOFORCE_RLS);
}

bool is_owned(const Query *query, int index, Oid owner) {
  const RangeTblEntry *entry = rt_fetch(index, query->rtable);
  return entry->rtekind == RTE_RELATION && read_table(entry->relid).owner == owner;
}

void remove_checks(Query *query) {
  List *others = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, query->withCheckOptions)
    if (lfirst_node(WithCheckOption, cell)->kind == WCO_VIEW_CHECK) others = lappend(others, lfirst(cell));
  query->withCheckOptions = others;
}

extern "C" {
// Removes what row security has added for tables of the owner.
static bool remove_filters(Node *node, void *owner) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return walk_expression(node, remove_filters, owner);
  auto *query = reinterpret_cast<Query *>(node);
  const Oid user = *static_cast<const Oid *>(owner);
  for (int i = 1; i <= list_length(query->rtable); i++)
    if (is_owned(query, i, user)) rt_fetch(i, query->rtable)->securityQuals = NIL;
  if (query->resultRelation != 0 && is_owned(query, query->resultRelation, user)) remove_checks(query);
  return walk_query(query, remove_filters, owner);
}

// Before the query is rewritten. The code that set the flag restores the previous context.
static void analyzed(ParseState *state, Query *query, QueryJumble *jumble) {
  if (next_analyze != nullptr) next_analyze(state, query, jumble);
  outer_user_may_have_changed();
  const char *text = state->p_sourcetext;
  check_validation(text, query);
  if ((!InNoForceRLSOperation() && !is_exempt_statement(text)) || query->resultRelation == 0) return;
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

static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
    all_validation_ends();
}

// Pruning of partitions may call functions.
static void start(QueryDesc *query, int flags) {
  outer_user_may_have_changed();
  const Exemption exemption = suspend_exemption(query->sourceText);
  if (next_start != nullptr)
    next_start(query, flags);
  else
    standard_ExecutorStart(query, flags);
  resume_exemption(exemption);
}

// AFTER triggers, and what WITH has left to change
static void finish(QueryDesc *query) {
  const Exemption exemption = suspend_exemption(query->sourceText);
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
  exempt_validation(text, query);
  if (is_exempt_statement(text)) remove_filters(reinterpret_cast<Node *>(query), &exempt_statement.owner);
  const Exemption exemption = suspend_exemption(text);
  PlannedStmt *statement = next_planner != nullptr
                               ? next_planner(query, text, options, parameters, rest...)
                               : standard_planner(query, text, options, parameters, rest...);
  resume_exemption(exemption);
  return statement;
}

// Whether the query changes rows that row security may hide from whoever has set it off. The server shows a
// row that violates a constraint to the role that the query runs as, who can be a superuser.
bool changes_hidden_rows(const QueryDesc *query) {
  if (query->operation == CMD_SELECT) return false;
  const ListCell *cell = nullptr;
  foreach (cell, query->estate->es_opened_result_relations)
    if (const Relation table = static_cast<ResultRelInfo *>(lfirst(cell))->ri_RelationDesc;
        check_enable_rls(RelationGetRelid(table), GetOuterUserId(), true) == RLS_ENABLED)
      return true;
  return false;
}

template <typename Work>
void show_no_rows(Work work) {
  run_without_detail([](void *argument) { (*static_cast<Work *>(argument))(); }, &work);
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *query, ScanDirection direction, uint64 count, Rest... rest) {
  const Exemption exemption = suspend_exemption(query->sourceText);
  const auto run_next = [=] {
    if (next_run != nullptr)
      next_run(query, direction, count, rest...);
    else
      standard_ExecutorRun(query, direction, count, rest...);
  };
  const bool hides = exemption.is_suspended && changes_hidden_rows(query);
  execute(exemption.is_suspended, [&] { hides ? show_no_rows(run_next) : run_next(); });
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
  if (strcmp(event->event, "ddl_command_start") != 0)
    validation_ends(event->parsetree);
  else
    validation_begins(event->parsetree);
  PG_RETURN_NULL();
}
}

bool restrict_actions(bool restricted) {
  const bool before = are_actions_restricted;
  are_actions_restricted = restricted;
  return before;
}

void run_exempt(const char *text, void (*work)(void *), void *argument) {
  struct Exempted {
    ExemptStatement before;
    void (*work)(void *);
    void *argument;
  } exempted{exempt_statement, work, argument};
  exempt_statement = {text, GetUserId()};
  run_with_cleanup(
      [](void *of) {
        const auto *its = static_cast<const Exempted *>(of);
        its->work(its->argument);
      },
      [](void *of) { exempt_statement = static_cast<const Exempted *>(of)->before; }, &exempted);
}

bool is_work_of_server(const char *text) { return InNoForceRLSOperation() || is_exempt_statement(text); }

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
