// The configuration parameters tenancy.*. Those of the principal are claims: anyone may set anything. They
// are verified at first use, never when they are set.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

enum class AnonymousAccess : int { empty, error };
enum class FilteredOwner : int { error, empty };
enum class PrincipalLifetime : int { session, transaction };
enum class AuditFallback : int { log, refuse };
enum class TrustedConditions : int { none, own_rows, all };

struct Configuration {
  char *api_key;
  char *jwt;
  char *user;
  char *organization;
  char *workspace;
  char *simulation;
  char *suspension;
  char *leader;
  char *taken_rights;  // see taken_rights.hpp
  char *request_id;
  char *user_agent;
  char *audit_channel;
  int audit_refusals;  // in a minute, of one actor
  bool track_key_use;
  AuditFallback audit_fallback;
  char *claim;
  AnonymousAccess anonymous_access;
  FilteredOwner filtered_owner;
  PrincipalLifetime principal_lifetime;
  TrustedConditions trusted_conditions;
  bool guard_rails;
  bool share_plans;
  bool specialize;
  bool log_denied;
  bool require_claims;
};
extern Configuration configuration;

/// The source of the parameters tenancy.leader, tenancy.simulation and tenancy.suspension; SQL can't set one
/// with this source.
inline constexpr GucSource internal_source = PGC_S_INTERACTIVE;

/// Whether the session's principal is suspended: every session is anonymous while a table owner's code may
/// run in work of the extension (see owner_work.cpp). A parameter, so that parallel workers have it.
inline bool is_suspended() {
  return configuration.suspension != nullptr && *configuration.suspension != '\0';
}

/// Whether the principal comes from another node's claim, which counts before everything else (claims.hpp). A
/// parameter, so that it ends with its transaction, and parallel workers have it.
inline bool is_claimed() { return configuration.claim != nullptr && *configuration.claim != '\0'; }

void define_parameters();

/// The parameters that choose the principal, in the order used everywhere.
enum class PrincipalParameter : int { api_key, jwt, user, organization, workspace, count };
/// At most one of these is given: the credential.
inline constexpr PrincipalParameter credential_parameters[] = {
    PrincipalParameter::api_key, PrincipalParameter::jwt, PrincipalParameter::user};
/// These only choose and narrow.
inline constexpr PrincipalParameter choice_parameters[] = {PrincipalParameter::organization,
                                                           PrincipalParameter::workspace};
inline constexpr const char *principal_parameter_names[] = {"tenancy.api_key", "tenancy.jwt", "tenancy.user",
                                                            "tenancy.organization", "tenancy.workspace"};
inline constexpr size_t principal_parameter_count = static_cast<size_t>(PrincipalParameter::count);
static_assert(lengthof(principal_parameter_names) == principal_parameter_count);

inline const char *name_of(PrincipalParameter parameter) {
  return principal_parameter_names[static_cast<int>(parameter)];
}

/// Texts of the principal parameters.
struct PrincipalTexts {
  const char *texts[principal_parameter_count];

  const char *&operator[](PrincipalParameter parameter) { return texts[static_cast<int>(parameter)]; }
  const char *operator[](PrincipalParameter parameter) const { return texts[static_cast<int>(parameter)]; }
};
/// RETURNS the parameters' present values; inside an assign hook, the values before the assignment.
PrincipalTexts principal_texts();

}  // namespace tenancy::pg
