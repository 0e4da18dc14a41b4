// Why a session is refused. All are SQLSTATE 28000, as a failed login is; clients tell them apart by the
// error's field "constraint name" (docs/reference.md, "Errors").
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

enum class Refused {
  credential,      // a key, token or claim is invalid, expired or revoked
  user,            // the session's user is unknown, not active, or not a member
  no_principal,    // a principal is needed, and there is none
  organization,    // the session's user has to choose an organization
  contradiction,   // two settings contradict each other
  login,           // the login is not trusted to name a user
  filtered_owner,  // row security would hide all rows from a role that works on a table as a whole
};

/// For ereport(), in place of errcode().
inline int refused(Refused reason) {
  constexpr const char *names[] = {"invalid_credential", "unknown_user",          "no_principal",
                                   "no_organization",    "contradicting_setting", "untrusted_login",
                                   "filtered_owner"};
  errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION);
  err_generic_string(PG_DIAG_SCHEMA_NAME, "tenancy");
  return err_generic_string(PG_DIAG_CONSTRAINT_NAME, names[static_cast<int>(reason)]);
}

}  // namespace tenancy::pg
