// The callers of administration functions.
//
// Administration functions act with the rights of the extension's owner on behalf of their caller. SECURITY
// DEFINER functions cannot determine it: inside, current_user is the owner, and the session's outer user is
// the wrong one wherever other users' code runs (ANALYZE, REFRESH, triggers, SECURITY DEFINER functions).
// So these functions are written in the extension's own language "tenancy": PL/pgSQL whose handler records
// the current user before it switches to the function's owner.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the role whose rights decide in an administration function: the current user at the call of the
/// outermost function of language "tenancy" or, outside of these, the current user. InvalidOid inside a
/// security-restricted operation (index expressions, REFRESH, ANALYZE ...), which runs other users' code,
/// and inside a SECURITY DEFINER function of the extension's owner that no function of language "tenancy"
/// has called.
Oid calling_role();

/// RETURNS whether a function of language "tenancy" is running and its own body is executing: neither
/// another user's code nor code in a security-restricted operation.
bool is_administration_running();

/// RETURNS what describes the context of messages outside of the extension: that of the call of the outermost
/// function of language "tenancy". None if no such function is running.
ErrorContextCallback *error_context_of_caller();

/// Called at the begin of an administration function that no other has called, as a part of it, and when one
/// has ended in an error. REQUIRES of `failed`: no error, no catalog access.
struct AdministrationObserver {
  void (*begins)(const char *function);
  void (*failed)(const ErrorData *error, const char *function);
};
void observe_administration(const AdministrationObserver &observer);

/// Raises 42501 unless called with a superuser's rights, as by the extension's own functions. For functions
/// that read catalogs on their behalf: GRANT EXECUTE ON ALL FUNCTIONS must not open them.
void require_internal_call(FunctionCallInfo fcinfo);

/// A domain of schema tenancy without values; USAGE on it is the privilege it stands for. No predefined
/// role and no GRANT ON ALL ... IN SCHEMA includes it. InvalidOid if the extension's version has none.
Oid find_marker(const char *name);

bool holds_marker(Oid role, Oid marker);

}  // namespace tenancy::pg
