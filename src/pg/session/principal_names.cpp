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

}  // namespace tenancy::pg
