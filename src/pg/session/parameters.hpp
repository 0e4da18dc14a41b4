// The settings tenancy.*. Those of the principal are claims: anyone may set anything, and what they
// give is worked out when it is first needed, never when they are set.
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

/// The settings that say who the session is. Positions in all that has one place for each.
enum class PrincipalSetting : int { api_key, jwt, user, organization, workspace, count };
/// At most one of these is given: it says who the session is.
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
/// RETURNS what the settings' variables hold, which inside an assign hook is what they held before.
PrincipalTexts principal_texts();

}  // namespace tenancy::pg
