// The extension's catalogs: their indexes and columns, as in the install script.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

enum class CatalogIndex : int {
  organizations_pkey,
  organizations_slug_key,
  organizations_external_id_key,
  workspaces_pkey,
  workspaces_slug_idx,
  workspaces_external_id_key,
  workspaces_organization_id_slug_key,
  users_pkey,
  users_email_key,
  users_external_id_key,
  roles_pkey,
  roles_organization_id_level_name_key,
  organization_members_pkey,
  organization_members_user_idx,
  organization_members_external_id_key,
  organization_members_role_organization_idx,
  workspace_members_user_idx,
  workspace_members_pkey,
  permissions_pkey,
  grants_key,
  visibility_key,
  workspace_overrides_pkey,
  api_keys_pkey,
  api_keys_user_idx,
  api_keys_organization_idx,
  api_key_secrets_pkey,
  api_key_secrets_api_key_id_is_current_key,
  api_key_scopes_pkey,
  login_bindings_pkey,
  jwt_keys_pkey,
  jwt_issuers_pkey,
  trusted_issuers_issuer_organization_id_key,
  trusted_issuers_organization_idx,
  issuer_keys_pkey,
  identities_pkey,
  identities_user_idx,
  ended_tokens_key,
  ended_links_key,
  groups_pkey,
  groups_organization_id_name_key,
  group_members_pkey,
  group_members_user_idx,
  group_roles_key,
  elevation_rules_pkey,
  elevation_rules_key,
  elevations_user_idx,
  elevations_organization_idx,
  protected_tables_pkey,
  protected_tables_audited_idx,
  trusted_functions_pkey,
  cluster_keys_pkey,
  logging_settings_key,
  former_members_user_idx,
  count
};

/// Column numbers, in the order of the install script. Updates add columns at the end only.
namespace attribute {
namespace organizations {
enum : AttrNumber {
  organization_id = 1,
  slug,
  name,
  external_id,
  created_at,
  closed_at,
  created_by,
  open_to_sign_up,
  key_max_age,
  key_warning,
  has_overrides
};
}
namespace workspaces {
enum : AttrNumber { workspace_id = 1, organization_id, slug, name, external_id, is_default };
}
namespace users {
enum : AttrNumber { user_id = 1, email, name, external_id, active, created_at };
}
namespace roles {
enum : AttrNumber { role_id = 1, organization_id, level, name, all_workspaces };
}
namespace organization_members {
enum : AttrNumber {
  organization_id = 1,
  user_id,
  role_id,
  created_at,
  name,
  external_id,
  ends_at,
  reason,
  has_more_roles
};
}
namespace workspace_members {
enum : AttrNumber { workspace_id = 1, user_id, organization_id, role_id, created_at, ends_at };
}
namespace permissions {
enum : AttrNumber { resource = 1, action, description, built_in, data_visibility };
}
namespace grants {
enum : AttrNumber { role_id = 1, organization_id, workspace_id, resource, action, allowed, ends_at };
}
namespace visibility {
enum : AttrNumber { role_id = 1, organization_id, workspace_id, all_rows };
}
namespace workspace_overrides {
enum : AttrNumber { organization_id = 1, category, allowed };
}
namespace api_keys {
enum : AttrNumber {
  api_key_id = 1,
  kind,
  name,
  organization_id,
  workspace_id,
  user_id,
  external_id,
  display_prefix,
  all_scopes,
  expires_at,
  revoked_at,
  deleted_at,
  created_at,
  rotated_at,
  allowed_networks,
  rotation_due_at,
  rotate_by
};
}
namespace api_key_secrets {
enum : AttrNumber { secret_hash = 1, api_key_id, is_current, valid_until, derived };
}
namespace api_key_scopes {
enum : AttrNumber { api_key_id = 1, resource, action };
}
namespace login_bindings {
enum : AttrNumber { login = 1, trusted, user_id, organization_id, workspace_id };
}
namespace jwt_keys {
enum : AttrNumber { organization_id = 1, kid, alg, jwk };
}
namespace jwt_issuers {
enum : AttrNumber { organization_id = 1, issuer, audience };
}
namespace trusted_issuers {
enum : AttrNumber {
  trust_id = 1,
  organization_id,
  issuer,
  audiences,
  subject,
  authorized_parties,
  token_use,
  max_age_seconds,
  scopes_required,
  created_by,
  created_at,
  groups_claim
};
}
namespace issuer_keys {
enum : AttrNumber { trust_id = 1, kid, alg, jwk };
}
namespace identities {
enum : AttrNumber { trust_id = 1, subject, user_id, created_at, linked_by };
}
namespace ended_tokens {
enum : AttrNumber { organization_id = 1, user_id, issued_before };
}
namespace ended_links {
enum : AttrNumber { issuer = 1, subject, organization_id, issued_before };
}
namespace groups {
enum : AttrNumber { group_id = 1, organization_id, name, trust_id };
}
namespace group_members {
enum : AttrNumber { group_id = 1, user_id, organization_id, created_at, ends_at };
}
namespace group_roles {
enum : AttrNumber { group_id = 1, workspace_id, organization_id, role_id, created_at, ends_at };
}
namespace elevation_rules {
enum : AttrNumber {
  rule_id = 1,
  organization_id,
  role_id,
  user_id,
  subject_role_id,
  group_id,
  maximum,
  per_day,
  approval
};
}
namespace elevations {
enum : AttrNumber {
  elevation_id = 1,
  organization_id,
  user_id,
  role_id,
  workspace_id,
  rule_id,
  reason,
  duration,
  created_at,
  ends_at
};
}
namespace protected_tables {
enum : AttrNumber {
  relation = 1,
  resource,
  organization_column,
  workspace_column,
  owner_column,
  api_key_column,
  payload,
  defaulted_columns,
  row_security_before,
  force_before,
  protected_at,
  with_organization,
  through,
  inherits_owner,
  shared,
  workspace_decides,
  fill_nulls,
  workspace_implies_organization,
  actions,
  writer_column,
  audit_reads
};
}
namespace trusted_functions {
enum : AttrNumber { function = 1 };
}
namespace cluster_keys {
enum : AttrNumber { key_id = 1, secret, signs };
}
namespace logging_settings {
enum : AttrNumber { organization_id = 1, workspace_id, setting, value, set_at };
}
namespace former_members {
enum : AttrNumber { organization_id = 1, user_id, workspace_id, role_id, left_at };
}
}  // namespace attribute

}  // namespace tenancy::pg
