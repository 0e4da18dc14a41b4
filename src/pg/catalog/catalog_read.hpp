// The extension's catalogs, read as the server reads its own: by index scans with a fresh snapshot, which
// works inside planning, looks at no search_path, and takes microseconds.
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"
#include "pg/server/uuid_datum.hpp"

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
  workspace_members_user_idx,
  permissions_pkey,
  grants_key,
  visibility_key,
  workspace_overrides_pkey,
  api_keys_pkey,
  api_keys_user_idx,
  api_keys_organization_idx,
  api_key_secrets_pkey,
  api_key_scopes_pkey,
  login_bindings_pkey,
  jwt_keys_pkey,
  jwt_issuers_pkey,
  protected_tables_pkey,
  trusted_functions_pkey,
  count
};

/// Column numbers, in the order of the install script. Updates add columns at the end only.
namespace attribute {
namespace organizations {
enum : AttrNumber { organization_id = 1, slug, name, external_id };
}
namespace workspaces {
enum : AttrNumber { workspace_id = 1, organization_id, slug, name, external_id, is_default };
}
namespace users {
enum : AttrNumber { user_id = 1, email, name, external_id, active };
}
namespace roles {
enum : AttrNumber { role_id = 1, organization_id, level, name, all_workspaces };
}
namespace organization_members {
enum : AttrNumber { organization_id = 1, user_id, role_id };
}
namespace workspace_members {
enum : AttrNumber { workspace_id = 1, user_id, organization_id, role_id };
}
namespace permissions {
enum : AttrNumber { resource = 1, action, description, built_in, data_visibility };
}
namespace grants {
enum : AttrNumber { role_id = 1, organization_id, workspace_id, resource, action, allowed };
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
  deleted_at
};
}
namespace api_key_secrets {
enum : AttrNumber { secret_hash = 1, api_key_id, is_current, valid_until };
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
  workspace_decides
};
}
namespace trusted_functions {
enum : AttrNumber { function = 1 };
}
}  // namespace attribute

/// Whether the relation is one of the catalogs that decide rights, as far as this backend has met them.
bool is_catalog_relation(Oid relation);
/// Whether the relation is that index, as far as this backend has met it.
bool is_known_index(CatalogIndex index, Oid relation);
/// Whether there is that index: what is new in the catalogs is missing where the extension hasn't been
/// updated.
bool has_catalog_index(CatalogIndex index);
/// The OID of an index. Raises 55000 when the extension isn't there.
Oid catalog_index(CatalogIndex index);
/// The OID of the table that an index is on.
Oid catalog_relation(CatalogIndex index);
/// OIDs are looked up again when next needed: DROP EXTENSION and CREATE EXTENSION change them.
void forget_catalog_oids();
/// The functions that specialized plans depend on: plan_guard() where they hold for one principal,
/// shape_guard() where for all whose rights have the same shape.
enum class Guard : int { plan, shape, count };
/// The hash of a guard's pg_proc entry in the catalog cache, if this backend has met it.
bool guard_hash(Guard guard, uint32 *hash);
/// Raises 55000 when the extension isn't there.
Oid guard_function(Guard guard);
/// The function filter_id(). Raises 55000 when the extension isn't there.
Oid filter_id_function();

/// How many invalidation messages the session has heard: of any kind, and about scopes (invalidation.hpp).
struct MessagesHeard {
  uint64 of_any;
  uint64 of_scopes;
};

/// One look at the catalogs: all scans of it see the same state, the newest one that is committed (and what
/// this transaction did itself).
struct CatalogRead {
  Snapshot snapshot;
  bool registered;
  // Before the look; invalidation.hpp says what they are for.
  uint64 generation;  // catalog_generation(): what was seen may be kept as of that, and no later
  MessagesHeard messages;
};
CatalogRead begin_catalog_read();
void end_catalog_read(CatalogRead &read);

struct CatalogScan {
  Relation relation;
  SysScanDesc scan;
};
/// Attribute numbers in the keys are the table's. Close the scan; after an ERROR the server does.
CatalogScan begin_scan(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys);
HeapTuple next_tuple(const CatalogScan &scan);
void end_scan(CatalogScan &scan);

void equals(ScanKey key, AttrNumber attribute, RegProcedure procedure, Datum value);
void equals(ScanKey key, AttrNumber attribute, const Uuid &value);
void is_null(ScanKey key, AttrNumber attribute);

/// Columns of a tuple. A NULL uuid is nil, a NULL text nullptr; texts are copies in the current memory
/// context.
Datum column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute, bool *is_null);
Uuid uuid_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
char *text_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
bool bool_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
bool is_null_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);

}  // namespace tenancy::pg
