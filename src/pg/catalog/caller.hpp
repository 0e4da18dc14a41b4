// Who has called an administration function.
//
// Administration functions act with the rights of the extension's owner on behalf of their caller. SECURITY
// DEFINER does not say who that is: inside, current_user is the owner, and the session's outer user is
// somebody else wherever code of others runs (ANALYZE, REFRESH, triggers, SECURITY DEFINER functions). So
// these functions are written in a language of the extension's own, "tenancy": PL/pgSQL whose handler notes
// the current user before it switches to the function's owner.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The role whose rights decide what an administration function may do: the current user where the outermost
/// function of language "tenancy" was called, or, outside of these, the current user. InvalidOid inside a
/// security-restricted operation (index expressions, REFRESH, ANALYZE ...), which runs code of others, and
/// inside a SECURITY DEFINER function of the extension's owner that no function of language "tenancy" has
/// called.
Oid calling_role();

/// Whether a function of language "tenancy" is running, and what runs now is its own body: neither code of
/// another user nor code in a security-restricted operation.
bool is_administration_running();

/// Raises 42501 unless the function is called with a superuser's rights, as by the extension's own functions.
/// For functions that read catalogs for these: GRANT EXECUTE ON ALL FUNCTIONS must not open them.
void require_internal_call(FunctionCallInfo fcinfo);

/// A domain of schema tenancy that no value has: who holds USAGE on it may do what it stands for. It is in no
/// predefined role and in no GRANT ON ALL ... IN SCHEMA. InvalidOid where the extension's version has none.
Oid find_marker(const char *name);

bool holds_marker(Oid role, Oid marker);

}  // namespace tenancy::pg
