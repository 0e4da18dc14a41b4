// The settings tenancy.*. Those of the principal are claims: anyone may set anything, and what counts is
// looked at when it is first needed, never when it is set.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

enum class AnonymousAccess : int { empty, error };
enum class FilteredOwner : int { error, empty };
enum class PrincipalLifetime : int { session, transaction };
enum class TrustedConditions : int { none, own_rows, all };

struct Settings {
  char *api_key;
  char *jwt;
  char *user;
  char *organization;
  char *workspace;
  char *simulation;
  char *suspension;
  AnonymousAccess anonymous_access;
  FilteredOwner filtered_owner;
  PrincipalLifetime principal_lifetime;
  TrustedConditions trusted_conditions;
  bool guard_rails;
  bool share_plans;
  bool specialize;
  bool log_denied;
};
extern Settings settings;

/// Where the settings tenancy.simulation and tenancy.suspension come from: nothing in SQL has this source.
inline constexpr GucSource internal_source = PGC_S_INTERACTIVE;

/// Whether the session's principal is suspended: everybody is anonymous while a table's owner's code may run
/// in work of the extension (see owner_work.cpp). A setting, so that parallel workers have it.
inline bool is_suspended() { return settings.suspension != nullptr && *settings.suspension != '\0'; }

void define_settings();

/// Names of the settings that say who the session is.
inline constexpr const char *principal_settings[] = {"tenancy.api_key", "tenancy.jwt", "tenancy.user",
                                                     "tenancy.organization", "tenancy.workspace"};

/// What identity_stamp() last worked out. Not for others to look at: it is here so that the guard, which runs
/// on each row, can be compiled into one comparison.
struct KnownIdentity {
  uint64 stamp;
  Oid session_user;
  bool known;
};
extern KnownIdentity known_identity;
uint64 work_out_identity_stamp();

/// The principal settings' texts, in the order of principal_settings.
struct PrincipalTexts {
  const char *text[5];
};
PrincipalTexts principal_texts();
/// What identity_stamp() would be with these texts.
uint64 identity_stamp_of(const PrincipalTexts &texts);

/// Hash of all that says who the session is: the principal settings' texts and the session's login. The same
/// in a parallel worker as in its leader.
inline uint64 identity_stamp() {
  return known_identity.known && known_identity.session_user == GetSessionUserId()
             ? known_identity.stamp
             : work_out_identity_stamp();
}

}  // namespace tenancy::pg
