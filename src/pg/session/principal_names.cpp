#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/server/nearest.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {

const char *principal_kind_name(PrincipalKind kind) {
  switch (kind) {
    case PrincipalKind::anonymous:
      return "anonymous";
    case PrincipalKind::user:
      return "user";
    case PrincipalKind::organization_service_key:
      return "organization_service_key";
    case PrincipalKind::workspace_service_key:
      return "workspace_service_key";
    case PrincipalKind::workspace_user_key:
      return "workspace_user_key";
    case PrincipalKind::jwt:
      return "jwt";
  }
  return "anonymous";
}

const char *principal_source_name(PrincipalSource source) {
  switch (source) {
    case PrincipalSource::none:
      return "none";
    case PrincipalSource::api_key:
      return "api_key";
    case PrincipalSource::jwt:
      return "jwt";
    case PrincipalSource::user_setting:
      return "user_setting";
    case PrincipalSource::login:
      return "login";
  }
  return "none";
}

const char *nearest_workspace(const CatalogRead &read, const Access &access, const char *reference) {
  const char *slash = strchr(reference, '/');
  NearestWord nearest = nearest_to(slash == nullptr ? reference : slash + 1);
  const auto consider_workspace = [&](const Uuid &workspace) {
    if (access.in_workspace(workspace).empty()) return;
    if (const char *slug = read_display_name(read, Entity::workspace, workspace); slug != nullptr)
      consider(nearest, slug);
  };
  if (access.reaches_every_workspace())
    for (const Uuid &workspace : read_workspaces(read, access.organization())) consider_workspace(workspace);
  else
    for (const auto &entry : access.entries()) consider_workspace(entry.workspace);
  return nearest.best;
}

}  // namespace tenancy::pg
