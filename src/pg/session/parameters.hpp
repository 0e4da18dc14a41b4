// The configuration parameters tenancy.*. Those of the principal are claims: anyone may set anything. They
// are verified at first use, never when they are set.
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

/// The source of the parameters tenancy.simulation and tenancy.suspension; SQL can't set one with this
/// source.
inline constexpr GucSource internal_source = PGC_S_INTERACTIVE;

/// Whether the session's principal is suspended: every session is anonymous while a table owner's code may
/// run in work of the extension (see owner_work.cpp). A parameter, so that parallel workers have it.
inline bool is_suspended() { return settings.suspension != nullptr && *settings.suspension != '\0'; }

void define_settings();

/// The parameters that choose the principal, in the order used everywhere.
enum class PrincipalSetting : int { api_key, jwt, user, organization, workspace, count };
/// At most one of these is given: the credential.
inline constexpr PrincipalSetting credential_settings[] = {PrincipalSetting::api_key, PrincipalSetting::jwt,
                                                           PrincipalSetting::user};
/// These only choose and narrow.
inline constexpr PrincipalSetting choice_settings[] = {PrincipalSetting::organization,
                                                       PrincipalSetting::workspace};
inline constexpr const char *principal_setting_names[] = {"tenancy.api_key", "tenancy.jwt", "tenancy.user",
                                                          "tenancy.organization", "tenancy.workspace"};
inline constexpr size_t principal_setting_count = static_cast<size_t>(PrincipalSetting::count);
static_assert(lengthof(principal_setting_names) == principal_setting_count);

inline const char *name_of(PrincipalSetting setting) {
  return principal_setting_names[static_cast<int>(setting)];
}

/// Texts of the principal settings.
struct PrincipalTexts {
  const char *texts[principal_setting_count];

  const char *&operator[](PrincipalSetting setting) { return texts[static_cast<int>(setting)]; }
  const char *operator[](PrincipalSetting setting) const { return texts[static_cast<int>(setting)]; }
};
/// RETURNS the parameters' present values; inside an assign hook, the values before the assignment.
PrincipalTexts principal_texts();

}  // namespace tenancy::pg
