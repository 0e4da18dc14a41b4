#include "pg/catalog/caller.hpp"

#include "pg/catalog/constraint_words.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/printed_plans.hpp"

namespace tenancy::pg {
namespace {

// A running function of language "tenancy": its caller, and the user and context that the handler has
// switched to.
struct Frame {
  const Frame *outer;
  Oid caller;  // InvalidOid: no role's rights count
  Oid user;
  int context;
  ErrorContextCallback *error_context_of_caller;
};

const Frame *innermost = nullptr;
PGFunction plpgsql_call_handler = nullptr;
AdministrationObserver observer{};

// Compares user and context: with the user alone, restricted code on a superuser's table would pass for the
// frame's own. Not the flag of referential actions: it comes and goes within a body.
bool is_body_of(const Frame *frame, Oid user, int context) {
  return frame != nullptr && frame->user == user && frame->context == (context & ~SECURITY_NOFORCE_RLS);
}

Oid extension_owner() {
  HeapTuple row = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(get_namespace_oid("tenancy", true)));
  if (!HeapTupleIsValid(row)) return InvalidOid;
  const Oid owner = reinterpret_cast<Form_pg_namespace>(GETSTRUCT(row))->nspowner;
  ReleaseSysCache(row);
  return owner;
}

struct Function {
  char name[NAMEDATALEN];
  Oid owner;
  Oid schema;
  bool is_volatile;
};

Function read_function(Oid oid) {
  HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for function %u", oid);
  const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(row));
  Function function{{}, form->proowner, form->pronamespace, form->provolatile == PROVOLATILE_VOLATILE};
  strlcpy(function.name, NameStr(form->proname), sizeof function.name);
  ReleaseSysCache(row);
  return function;
}

// The caller of a function about to run, or the role whose command an event trigger is about. Raises 42501 if
// nothing may be administered; an event trigger decides itself.
Oid caller_of_entry(FunctionCallInfo fcinfo, const Function &function, Oid user, int context) {
  if (is_body_of(innermost, user, context)) return innermost->caller;
  const bool is_event = CALLED_AS_EVENT_TRIGGER(fcinfo);
  // It checks no right, which the function has done that calls it. Grants of EXECUTE must not open it, nor
  // does a superuser need it.
  if (!is_event && function.schema == get_namespace_oid("tenancy_internal", true))
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied for function %s", get_func_name(fcinfo->flinfo->fn_oid)),
                    errdetail("Only functions of pg_tenancy call it.")));
  if ((context & SECURITY_RESTRICTED_OPERATION) == 0)
    // The extension's owner has called nothing: it is the user of a body whose context has changed.
    return innermost != nullptr && innermost->user == user ? InvalidOid : user;
  if (!is_event && function.is_volatile)
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("cannot call %s() within security-restricted operation",
                           get_func_name(fcinfo->flinfo->fn_oid))));
  return InvalidOid;
}

// Rights of a role by itself, whoever the session's principal is.
struct RoleRights {
  bool administers;
  bool may_sign_up;
};

RoleRights rights_of(Oid role) {
  return {holds_marker(role, find_marker("administrator")), holds_marker(role, find_marker("sign_up"))};
}

// A function asks for them as it begins, and can wait afterwards, for a row or a key of an index.
void check_still_has(const RoleRights &rights, Oid role) {
  if (!rights.administers && !rights.may_sign_up) return;
  AcceptInvalidationMessages();
  const RoleRights now = rights_of(role);
  if (now.administers == rights.administers && (now.may_sign_up || !rights.may_sign_up)) return;
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("could not serialize access due to concurrent administration"),
                  errdetail("The role's right to administer has been taken meanwhile."),
                  errhint("Retry the transaction.")));
}

void load_plpgsql() {
  if (plpgsql_call_handler == nullptr)
    plpgsql_call_handler = reinterpret_cast<PGFunction>(
        load_external_function("$libdir/plpgsql", "plpgsql_call_handler", true, nullptr));
}

struct Call {
  const char *function;
  Frame frame;
  FunctionCallInfo fcinfo;
  Node *node;
  Datum result;
};

void run_body(void *argument) {
  auto *call = static_cast<Call *>(argument);
  call->result = plpgsql_call_handler(call->fcinfo);
}

// REQUIRES: the body runs with other rights than the session's own, and hence cannot commit, which would end
// the level of settings.
void run_unprinted_body(void *argument) {
  const int level = are_plans_printed() ? NewGUCNestLevel() : 0;
  if (level != 0) print_no_plans();
  run_body(argument);
  if (level != 0) AtEOXact_GUC(true, level);
}

extern "C" {
// With exit_on_error no error is caught: it ends the session, and this is the last that is known of it.
static void error_passes(void *argument) {
  if (!ExitOnAnyError || observer.failed == nullptr) return;
  ErrorData error{};
  error.sqlerrcode = geterrcode();
  observer.failed(&error, static_cast<const Call *>(argument)->function);
}
}

void run_observed_body(void *argument) {
  ErrorContextCallback callback{error_context_stack, error_passes, argument};
  error_context_stack = &callback;
  if (observer.begins != nullptr) observer.begins(static_cast<const Call *>(argument)->function);
  run_unprinted_body(argument);
  error_context_stack = callback.previous;
}

void describe_error(void *argument, ErrorData *error) {
  put_into_words(error);
  if (observer.failed != nullptr) observer.failed(error, static_cast<const Call *>(argument)->function);
}

void leave(void *argument) {
  const auto *call = static_cast<Call *>(argument);
  innermost = call->frame.outer;
  call->fcinfo->context = call->node;
}

}  // namespace

Oid calling_role() {
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  if (is_body_of(innermost, user, context)) return innermost->caller;
  if ((context & SECURITY_RESTRICTED_OPERATION) != 0) return InvalidOid;
  // A function that should be in language "tenancy" but is not: its owner is not the caller.
  if ((context & SECURITY_LOCAL_USERID_CHANGE) != 0 && user == extension_owner()) return InvalidOid;
  return user;
}

ErrorContextCallback *error_context_of_caller() {
  const Frame *frame = innermost;
  if (frame == nullptr) return nullptr;
  while (frame->outer != nullptr) frame = frame->outer;
  return frame->error_context_of_caller;
}

void observe_administration(const AdministrationObserver &its_observer) { observer = its_observer; }

bool is_administration_running() {
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  return is_body_of(innermost, user, context);
}

void require_internal_call(FunctionCallInfo fcinfo) {
  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied for function %s", get_func_name(fcinfo->flinfo->fn_oid)),
                    errdetail("Only functions of pg_tenancy call it.")));
}

Oid find_marker(const char *name) {
  return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
                         ObjectIdGetDatum(get_namespace_oid("tenancy", true)));
}

bool holds_marker(Oid role, Oid marker) {
  return OidIsValid(role) && OidIsValid(marker) &&
         DatumGetBool(OidFunctionCall3(F_HAS_TYPE_PRIVILEGE_OID_OID_TEXT, ObjectIdGetDatum(role),
                                       ObjectIdGetDatum(marker), CStringGetTextDatum("USAGE")));
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_call_handler);
Datum pg_tenancy_call_handler(PG_FUNCTION_ARGS) {
  if (CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a function of language \"tenancy\" cannot be a trigger")));
  load_plpgsql();
  const Function function = read_function(fcinfo->flinfo->fn_oid);
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);

  Call call{};
  call.function = function.name;
  call.frame = {innermost, caller_of_entry(fcinfo, function, user, context), function.owner,
                (context & ~SECURITY_NOFORCE_RLS) | SECURITY_LOCAL_USERID_CHANGE, error_context_stack};
  call.fcinfo = fcinfo;
  call.node = fcinfo->context;
  const bool is_event = CALLED_AS_EVENT_TRIGGER(fcinfo);
  // In an atomic context a body cannot commit, which would undo the switch of users.
  if (!is_event) fcinfo->context = nullptr;
  SetUserIdAndSecContext(call.frame.user, call.frame.context);
  innermost = &call.frame;
  // To its caller, a function of the extension is one step.
  const bool is_outermost = !is_body_of(call.frame.outer, user, context);
  const bool is_judged = is_outermost && !is_event && function.is_volatile;
  const RoleRights rights = is_judged ? rights_of(call.frame.caller) : RoleRights{};
  if (is_event)
    run_as_unit(run_unprinted_body, leave, nullptr, &call);
  else if (is_outermost)
    run_as_unit(run_observed_body, leave, describe_error, &call);
  else
    run_with_cleanup(run_unprinted_body, leave, &call);
  // After an error the end of the (sub)transaction does this.
  SetUserIdAndSecContext(user, context);
  if (is_judged) check_still_has(rights, call.frame.caller);
  return call.result;
}

PG_FUNCTION_INFO_V1(pg_tenancy_unit_call_handler);
Datum pg_tenancy_unit_call_handler(PG_FUNCTION_ARGS) {
  load_plpgsql();
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  Call call{};
  call.fcinfo = fcinfo;
  const bool has_other_rights = (context & SECURITY_LOCAL_USERID_CHANGE) != 0;
  run_as_unit(has_other_rights ? run_unprinted_body : run_body, nullptr, nullptr, &call);
  return call.result;
}

PG_FUNCTION_INFO_V1(pg_tenancy_caller);
Datum pg_tenancy_caller(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid role = calling_role();
  if (!OidIsValid(role)) PG_RETURN_NULL();
  PG_RETURN_OID(role);
}

// For an update script: a grant in the administrator's name. The script's own grants become the extension's
// initial privileges, which pg_dump leaves out.
PG_FUNCTION_INFO_V1(pg_tenancy_grant_as_user);
Datum pg_tenancy_grant_as_user(PG_FUNCTION_ARGS) {
  if (!creating_extension)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("grant_as_user() can be called from an update script only")));
  const char *statement = text_to_cstring(PG_GETARG_TEXT_PP(0));
  SPI_connect();
  creating_extension = false;
  SPI_execute(statement, false, 0);
  creating_extension = true;  // after an error ALTER EXTENSION resets it
  SPI_finish();
  return 0;
}
}

}  // namespace tenancy::pg
