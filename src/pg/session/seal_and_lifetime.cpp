#include "pg/session/seal_and_lifetime.hpp"

#include "pg/catalog/permission_numbers.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/principal.hpp"
#include "pg/session/simulation.hpp"

extern "C" {
#include "tcop/pquery.h"
}

namespace tenancy::pg {
namespace {

// The identity of a principal, without its rights.
struct Sealed {
  PrincipalKind kind;
  Uuid organization, workspace, user, api_key;
  bool operator==(const Sealed &) const = default;
};

Sealed as_sealed(const Principal &principal) {
  return {principal.kind, principal.organization, principal.workspace, principal.user, principal.api_key};
}

struct {
  bool sealed;
  uint64 sealed_stamp;
  bool is_known;  // whom the settings stand for
  Sealed who;
  bool set_in_session;
  bool reset;  // reset by the transaction being committed
} state{};

ProcessUtility_hook_type next_process_utility = nullptr;
ExecutorStart_hook_type next_start = nullptr;

[[noreturn]] void refuse_sealed_change() {
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("the session's principal is sealed until the transaction ends"),
                  errdetail("It has been changed since.")));
  pg_unreachable();
}

[[noreturn]] void refuse_other_leader() {
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("the session's rights have changed since the query was planned"),
                  errhint("Run the transaction again.")));
  pg_unreachable();
}

void reset_principal() {
  for (const char *name : principal_parameter_names)
    set_config_option(name, nullptr, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
}

// The settings' stamp, and whom they stand for.
const char *in_words(const Sealed &who) {
  const auto text = [](const Uuid &id) {
    return DatumGetCString(DirectFunctionCall1(uuid_out, uuid_datum(id)));
  };
  return psprintf(UINT64_FORMAT " %d %s %s %s %s", identity_stamp(), static_cast<int>(who.kind),
                  text(who.organization), text(who.workspace), text(who.user), text(who.api_key));
}

// Workers work out the principal anew: it must be their leader's, whose settings they have. In the leader,
// once a parallel query has started; its workers are launched when it runs.
void hand_over_principal() {
  const Principal *principal = known_principal();
  const char *words = state.sealed && state.is_known ? in_words(state.who)
                      : principal != nullptr         ? in_words(as_sealed(*principal))
                                                     : "";
  if (configuration.leader == nullptr || strcmp(words, configuration.leader) != 0)
    set_config_option("tenancy.leader", words, PGC_SUSET, internal_source, GUC_ACTION_SET, true, 0, false);
}

// RETURNS whether a worker is somebody else than its leader by the same settings.
bool differs_from_leader(const Principal &principal) {
  if (!IsParallelWorker() || configuration.leader == nullptr) return false;
  const char *words = in_words(as_sealed(principal));
  const size_t stamp = strcspn(words, " ") + 1;
  return strncmp(words, configuration.leader, stamp) == 0 && strcmp(words, configuration.leader) != 0;
}

// Whether the server's files, the database or the role demand it: a session may have set a placeholder on
// top of these, which won't count once it is checked.
bool lifetime_is_transaction() {
  config_generic *setting = find_setting("tenancy.principal_lifetime");
  if (setting == nullptr || (setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0) return false;
  const config_string *text = text_of_setting(setting);
  const char *values[] = {text->reset_val, *text->variable};
  for (const char *value : values)
    if (value != nullptr && pg_strcasecmp(value, "transaction") == 0) return true;
  return false;
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      state.sealed = false;
      state.reset =
          state.set_in_session && configuration.principal_lifetime == PrincipalLifetime::transaction;
      if (state.reset) reset_principal();
      break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PREPARE:
      // Not earlier: if the commit fails, an earlier transaction's value is restored.
      if (state.reset) state.set_in_session = false;
      state.reset = false;
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
      state.sealed = false;
      state.reset = false;
      break;
    default:
      break;
  }
}

// RESET has no check hook, and an assign hook must not raise errors: so the command is executed, and raises
// an error afterwards if it has changed the principal.
static void run_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                        ProcessUtilityContext context, ParamListInfo parameters,
                        QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion) {
  const bool is_sealed =
      state.sealed && IsA(statement->utilityStmt, VariableSetStmt) && identity_stamp() == state.sealed_stamp;
  const auto run = next_process_utility != nullptr ? next_process_utility : standard_ProcessUtility;
  run(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
  if (is_sealed && state.sealed && identity_stamp() != state.sealed_stamp) refuse_sealed_change();
}

static void start(QueryDesc *description, int flags) {
  if (next_start != nullptr)
    next_start(description, flags);
  else
    standard_ExecutorStart(description, flags);
  if (description->plannedstmt->parallelModeNeeded && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0 &&
      !IsInParallelMode())
    hand_over_principal();
}
}

}  // namespace

void register_principal_safety() {
  RegisterXactCallback(transaction_ends, nullptr);
  next_process_utility = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
}

void refuse_stale_placeholders() {
  if (!lifetime_is_transaction()) return;
  for (const char *name : principal_parameter_names) {
    const config_generic *setting = find_setting(name);
    // A value set by this transaction still has the previous one on a stack.
    if (setting != nullptr && setting->source == PGC_S_SESSION && setting->stack == nullptr)
      ereport(
          ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("setting \"%s\" was made in an earlier transaction, before pg_tenancy was loaded", name),
           errhint("Add pg_tenancy to \"session_preload_libraries\", or reset the setting.")));
  }
}

bool may_change_principal(GucSource source) {
  if (state.sealed && source >= PGC_S_INTERACTIVE) {
    GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
    GUC_check_errmsg("the session's principal is sealed until the transaction ends");
    return false;
  }
  if (is_simulation() && source >= PGC_S_INTERACTIVE && !InitializingParallelWorker) {
    GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
    GUC_check_errmsg("the principal of a simulated query cannot be changed");
    return false;
  }
  // A worker has its leader's settings, and knows neither of a seal nor of what its leader has checked. The
  // server refuses SET there as well, but not the SET clause of a function.
  if (IsParallelWorker() && source >= PGC_S_INTERACTIVE && !InitializingParallelWorker) {
    GUC_check_errcode(ERRCODE_INVALID_TRANSACTION_STATE);
    GUC_check_errmsg("the session's principal cannot be changed during a parallel operation");
    GUC_check_errhint("Declare functions that change it PARALLEL UNSAFE.");
    return false;
  }
  if (source == PGC_S_SESSION) state.set_in_session = true;
  return true;
}

void seal_principal(const Principal *principal) {
  state.sealed = true;
  state.sealed_stamp = identity_stamp();
  state.is_known = principal != nullptr;
  if (principal != nullptr) state.who = as_sealed(*principal);
}

// The same settings can stand for somebody else by now: an address, a login, or the user's organization is
// another one.
void check_sealed(const Principal &principal) {
  if (differs_from_leader(principal)) refuse_other_leader();
  if (!state.sealed || is_suspended()) return;
  if (state.is_known && !(as_sealed(principal) == state.who)) refuse_sealed_change();
  state.who = as_sealed(principal);
  state.is_known = true;
}

bool is_sealed() { return state.sealed; }

void check_seal() {
  if (is_suspended()) return;
  check_simulated_principal();
  if (state.sealed && identity_stamp() != state.sealed_stamp) refuse_sealed_change();
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_seal);
Datum pg_tenancy_seal(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  give_back_numbers();
  const Principal *principal = current_principal();  // sealing requires a valid principal
  // The principal of a simulated query can't change anyway, and the query's effects end with it. Code of a
  // table's owner, in work of the extension or in maintenance, would shut out whose session it is.
  if (is_simulation() || is_suspended() || InSecurityRestrictedOperation()) return 0;
  // Not in DO and CALL, whose later statements are sealed.
  if (!IsTransactionBlock() && ActivePortal != nullptr && ActivePortal->strategy != PORTAL_MULTI_QUERY &&
      ActivePortal->strategy != PORTAL_UTIL_SELECT)
    ereport(WARNING, (errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
                      errmsg("tenancy.seal() can only be used in transaction blocks"),
                      errdetail("The seal ends with the transaction, which is this statement.")));
  seal_principal(principal);
  return 0;
}
}

}  // namespace tenancy::pg
