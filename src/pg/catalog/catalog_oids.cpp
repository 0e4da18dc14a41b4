#include "pg/catalog/catalog_oids.hpp"

#include <span>

#include "pg/catalog/extension_version.hpp"
#include "pg/catalog/generation.hpp"

namespace tenancy::pg {
namespace {

constexpr int index_count = static_cast<int>(CatalogIndex::count);

struct IndexName {
  const char *index;
  bool decides_rights;
  bool is_internal = false;  // in schema tenancy_internal
};
// In the order of CatalogIndex.
constexpr IndexName index_names[index_count] = {
    {"organizations_pkey", true},
    {"organizations_slug_key", true},
    {"organizations_external_id_key", true},
    {"workspaces_pkey", true},
    {"workspaces_slug_idx", true},
    {"workspaces_external_id_key", true},
    {"workspaces_organization_id_slug_key", true},
    {"users_pkey", true},
    {"users_email_key", true},
    {"users_external_id_key", true},
    {"roles_pkey", true},
    {"roles_organization_id_level_name_key", true},
    {"organization_members_pkey", true},
    {"organization_members_user_idx", true},
    {"organization_members_external_id_key", true},
    {"organization_members_role_organization_idx", true},
    {"workspace_members_user_idx", true},
    {"workspace_members_pkey", true},
    {"permissions_pkey", true},
    {"grants_key", true},
    {"visibility_key", true},
    {"workspace_overrides_pkey", true},
    {"api_keys_pkey", true},
    {"api_keys_user_idx", true},
    {"api_keys_organization_idx", true},
    {"api_key_secrets_pkey", true},
    {"api_key_secrets_api_key_id_is_current_key", true},
    {"api_key_scopes_pkey", true},
    {"login_bindings_pkey", true},
    {"jwt_keys_pkey", true},
    {"jwt_issuers_pkey", true},
    {"trusted_issuers_issuer_organization_id_key", true},
    {"trusted_issuers_organization_idx", true},
    {"issuer_keys_pkey", true},
    {"identities_pkey", true},
    {"identities_user_idx", true},
    {"ended_tokens_key", true, true},
    {"ended_links_key", true, true},
    {"groups_pkey", true},
    {"groups_organization_id_name_key", true},
    {"group_members_pkey", true},
    {"group_members_user_idx", true},
    {"group_roles_key", true},
    {"elevation_rules_pkey", true},
    {"elevation_rules_key", true},
    {"elevations_user_idx", true},
    {"elevations_organization_idx", true},
    {"protected_tables_pkey", false},
    {"protected_tables_audited_idx", false},
    {"trusted_functions_pkey", true},
    {"cluster_keys_pkey", false, true},
    {"logging_settings_key", false},
    {"former_members_user_idx", false, true},
};

// Every session is notified of changes of the table with this index, and then reads the extension's version
// again.
constexpr CatalogIndex notified_of_updates = CatalogIndex::organizations_pkey;

constexpr int guard_count = static_cast<int>(Guard::count);

// Looked up as they are needed: a session of a moment reads few of the catalogs. Values outlive the token:
// they still say which notifications concern us, and which plans.
struct {
  DefinitionToken token;  // of all of it: DROP EXTENSION and CREATE EXTENSION change OIDs
  Oid schema;
  bool is_internal_schema_known;
  Oid internal_schema;  // InvalidOid in 1.0, where everything is in the same schema
  bool is_known[index_count];
  Oid relations[index_count];
  Oid indexes[index_count];
  bool is_guard_known[guard_count];
  Oid guards[guard_count];
  uint32 guard_hashes[guard_count];
  bool is_filter_id_known;
  Oid filter_id;
  bool is_write_guard_known;
  Oid write_guard;
} oids{};

[[noreturn]] void raise_not_installed() {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("extension \"pg_tenancy\" is not installed in this database, or not completely"),
                  errhint("Run CREATE EXTENSION pg_tenancy.")));
  pg_unreachable();
}

Oid find_function(Oid schema, const char *name, std::span<const Oid> argument_types) {
  const oidvector *arguments = buildoidvector(argument_types.data(), static_cast<int>(argument_types.size()));
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(arguments),
                         ObjectIdGetDatum(schema));
}

Oid look_up_function(Oid schema, const char *name, std::span<const Oid> argument_types) {
  const Oid function = find_function(schema, name, argument_types);
  if (!OidIsValid(function)) raise_not_installed();
  return function;
}

void look_up_guard(Guard guard) {
  constexpr Oid plan_guard_arguments[] = {INT8OID, TIMESTAMPTZOID, ANYOID};
  constexpr Oid shape_guard_arguments[] = {UUIDOID, TEXTOID, UUIDOID};
  const Oid function = guard == Guard::plan
                           ? look_up_function(oids.schema, "plan_guard", plan_guard_arguments)
                           : look_up_function(oids.schema, "shape_guard", shape_guard_arguments);
  const auto i = static_cast<int>(guard);
  oids.guard_hashes[i] = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
  oids.guards[i] = function;
  oids.is_guard_known[i] = true;
}

// A schema of ours by name: one of the same name that is somebody else's may hold anything.
Oid look_up_own_schema(const char *name) {
  const Oid schema = get_namespace_oid(name, true);
  if (!OidIsValid(schema)) return InvalidOid;
  const Oid extension = getExtensionOfObject(NamespaceRelationId, schema);
  return OidIsValid(extension) && extension == get_extension_oid("pg_tenancy", true) ? schema : InvalidOid;
}

// Needed by few sessions.
Oid internal_schema() {
  if (!oids.is_internal_schema_known) {
    oids.internal_schema = look_up_own_schema("tenancy_internal");
    oids.is_internal_schema_known = true;
  }
  return oids.internal_schema;
}

void look_up_oids();

Oid look_up_relation(const IndexName &name) {
  return get_relname_relid(name.index, name.is_internal ? internal_schema() : oids.schema);
}

void look_up_index(CatalogIndex index) {
  look_up_oids();
  const auto i = static_cast<int>(index);
  if (oids.is_known[i]) return;
  oids.indexes[i] = look_up_relation(index_names[i]);
  oids.relations[i] = OidIsValid(oids.indexes[i]) ? IndexGetRelation(oids.indexes[i], true) : InvalidOid;
  if (!OidIsValid(oids.relations[i])) raise_not_installed();
  oids.is_known[i] = true;
}

void look_up_oids() {
  if (oids.token.valid()) return;
  const DefinitionToken token = DefinitionToken::now();
  require_served_version();
  oids.schema = get_namespace_oid("tenancy", true);
  if (!OidIsValid(oids.schema)) raise_not_installed();
  oids.is_internal_schema_known = oids.is_filter_id_known = oids.is_write_guard_known = false;
  for (bool &is_known : oids.is_guard_known) is_known = false;
  for (bool &is_known : oids.is_known) is_known = false;
  oids.token = token;
  look_up_index(notified_of_updates);
}

}  // namespace

bool is_catalog_relation(Oid relation) {
  for (int i = 0; i < index_count; i++)
    if (index_names[i].decides_rights && oids.relations[i] == relation) return true;
  return false;
}

bool has_catalog_index(CatalogIndex index) {
  // Also asked for tables of databases that don't have the extension, where the server preloads the module.
  if (!oids.token.valid() && !OidIsValid(get_extension_oid("pg_tenancy", true))) return false;
  look_up_oids();
  const auto i = static_cast<int>(index);
  return oids.is_known[i] || OidIsValid(look_up_relation(index_names[i]));
}

void require_extension() { look_up_oids(); }

CatalogOids catalog_oids(CatalogIndex index) {
  const auto i = static_cast<int>(index);
  const bool are_new = !oids.token.valid() || !oids.is_known[i];
  if (are_new) look_up_index(index);
  return {oids.relations[i], oids.indexes[i], are_new};
}

Oid catalog_index(CatalogIndex index) {
  look_up_index(index);
  return oids.indexes[static_cast<int>(index)];
}

Oid catalog_relation(CatalogIndex index) {
  look_up_index(index);
  return oids.relations[static_cast<int>(index)];
}

bool is_known_index(CatalogIndex index, Oid relation) {
  return oids.indexes[static_cast<int>(index)] == relation;
}

bool guard_hash(Guard guard, uint32 *hash) {
  *hash = oids.guard_hashes[static_cast<int>(guard)];
  return OidIsValid(oids.guards[static_cast<int>(guard)]);
}

Oid guard_function(Guard guard) {
  look_up_oids();
  if (!oids.is_guard_known[static_cast<int>(guard)]) look_up_guard(guard);
  return oids.guards[static_cast<int>(guard)];
}

Oid known_guard(Guard guard) { return oids.guards[static_cast<int>(guard)]; }

Oid filter_id_function() {
  look_up_oids();
  if (!oids.is_filter_id_known) {
    constexpr Oid arguments[] = {TEXTOID};
    oids.filter_id = look_up_function(oids.schema, "filter_id", arguments);
    oids.is_filter_id_known = true;
  }
  return oids.filter_id;
}

Oid known_filter_id() { return oids.filter_id; }

Oid write_guard_function() {
  look_up_oids();
  if (!oids.is_write_guard_known) {
    constexpr Oid arguments[] = {INT8OID, TIMESTAMPTZOID, BOOLOID, INT8OID, TEXTOID,
                                 ANYOID,  ANYOID,         ANYOID,  ANYOID};
    oids.write_guard = find_function(oids.schema, "write_guard", arguments);
    oids.is_write_guard_known = true;
  }
  return oids.write_guard;
}

Oid known_write_guard() { return oids.write_guard; }

Oid find_public_function(const char *name) {
  look_up_oids();
  return find_function(oids.schema, name, {});
}

bool is_our_function(Oid function, const char *name) {
  look_up_oids();
  const char *found = get_func_name(function);
  if (found == nullptr || strcmp(found, name) != 0) return false;
  const Oid schema = get_func_namespace(function);
  return OidIsValid(schema) && (schema == oids.schema || schema == internal_schema());
}

bool is_catalog_schema(Oid schema) {
  if (schema == get_namespace_oid("tenancy", true)) return true;
  return OidIsValid(schema) && schema == look_up_own_schema("tenancy_internal");
}

const char *schema_of_steps() {
  return OidIsValid(look_up_own_schema("tenancy_steps")) ? "tenancy_steps" : "tenancy";
}

}  // namespace tenancy::pg
