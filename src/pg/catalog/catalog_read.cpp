#include "pg/catalog/catalog_read.hpp"

#include <algorithm>
#include <span>

#include "pg/catalog/extension_version.hpp"
#include "pg/plan/invalidation.hpp"
#include "pg/server/fault_injection.hpp"

namespace tenancy::pg {
namespace {

constexpr int index_count = static_cast<int>(CatalogIndex::count);

struct IndexName {
  const char *index;
  bool decides_rights;
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
    {"workspace_members_user_idx", true},
    {"permissions_pkey", true},
    {"grants_key", true},
    {"visibility_key", true},
    {"workspace_overrides_pkey", true},
    {"api_keys_pkey", true},
    {"api_keys_user_idx", true},
    {"api_keys_organization_idx", true},
    {"api_key_secrets_pkey", true},
    {"api_key_scopes_pkey", true},
    {"login_bindings_pkey", true},
    {"jwt_keys_pkey", true},
    {"jwt_issuers_pkey", true},
    {"protected_tables_pkey", false},
    {"trusted_functions_pkey", true},
};

// Every session hears of changes of the table with this index, which is how it is told to look at the version
// again.
constexpr CatalogIndex told_of_updates = CatalogIndex::organizations_pkey;

constexpr int guard_count = static_cast<int>(Guard::count);

// Looked up as they are needed: a session of a moment reads few of the catalogs.
struct {
  bool known;  // the extension is there, and of a version that is served
  Oid schema;
  bool is_known[index_count];
  Oid relations[index_count];
  Oid indexes[index_count];
  Oid guards[guard_count];
  uint32 guard_hashes[guard_count];
  Oid filter_id;
} oids{};

[[noreturn]] void raise_not_installed() {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("extension \"pg_tenancy\" is not installed in this database, or not completely"),
                  errhint("Run CREATE EXTENSION pg_tenancy.")));
  pg_unreachable();
}

Oid look_up_function(Oid schema, const char *name, std::span<const Oid> argument_types) {
  const oidvector *arguments = buildoidvector(argument_types.data(), static_cast<int>(argument_types.size()));
  const Oid function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                                       PointerGetDatum(arguments), ObjectIdGetDatum(schema));
  if (!OidIsValid(function)) raise_not_installed();
  return function;
}

void look_up_guard(Guard guard, Oid function) {
  const auto i = static_cast<int>(guard);
  oids.guard_hashes[i] = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
  oids.guards[i] = function;
}

void look_up_oids();

void look_up_index(CatalogIndex index) {
  look_up_oids();
  const auto i = static_cast<int>(index);
  if (oids.is_known[i]) return;
  oids.indexes[i] = get_relname_relid(index_names[i].index, oids.schema);
  oids.relations[i] = OidIsValid(oids.indexes[i]) ? IndexGetRelation(oids.indexes[i], true) : InvalidOid;
  if (!OidIsValid(oids.relations[i])) raise_not_installed();
  oids.is_known[i] = true;
}

void look_up_oids() {
  if (oids.known) return;
  require_served_version();
  oids.schema = get_namespace_oid("tenancy", true);
  if (!OidIsValid(oids.schema)) raise_not_installed();
  constexpr Oid plan_guard_arguments[] = {INT8OID, TIMESTAMPTZOID, ANYOID};
  constexpr Oid shape_guard_arguments[] = {UUIDOID, TEXTOID, UUIDOID};
  constexpr Oid filter_id_arguments[] = {TEXTOID};
  look_up_guard(Guard::plan, look_up_function(oids.schema, "plan_guard", plan_guard_arguments));
  look_up_guard(Guard::shape, look_up_function(oids.schema, "shape_guard", shape_guard_arguments));
  oids.filter_id = look_up_function(oids.schema, "filter_id", filter_id_arguments);
  oids.known = true;
  look_up_index(told_of_updates);
}

}  // namespace

bool is_catalog_relation(Oid relation) {
  for (int i = 0; i < index_count; i++)
    if (index_names[i].decides_rights && oids.relations[i] == relation) return true;
  return false;
}

bool has_catalog_index(CatalogIndex index) {
  look_up_oids();
  const auto i = static_cast<int>(index);
  return oids.is_known[i] || OidIsValid(get_relname_relid(index_names[i].index, oids.schema));
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

// The values stay: they still tell which messages concern us, and which plans.
void forget_catalog_oids() {
  oids.known = false;
  for (bool &is_known : oids.is_known) is_known = false;
}

bool guard_hash(Guard guard, uint32 *hash) {
  *hash = oids.guard_hashes[static_cast<int>(guard)];
  return OidIsValid(oids.guards[static_cast<int>(guard)]);
}

Oid guard_function(Guard guard) {
  look_up_oids();
  return oids.guards[static_cast<int>(guard)];
}

Oid filter_id_function() {
  look_up_oids();
  return oids.filter_id;
}

CatalogRead begin_catalog_read() {
  server_fault_point();
  look_up_oids();
  const uint64 generation = catalog_generation();
  const MessagesHeard messages = messages_heard();
  // A new snapshot can't be taken while a parallel query runs: who takes part in it reads by the query's own.
  if (IsInParallelMode()) {
    read_by_old_snapshot();
    return {GetActiveSnapshot(), false, generation, messages};
  }
  return {RegisterSnapshot(GetLatestSnapshot()), true, generation, messages};
}

void end_catalog_read(CatalogRead &read) {
  if (read.registered) UnregisterSnapshot(read.snapshot);
}

CatalogScan begin_scan(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys) {
  const auto i = static_cast<int>(index);
  if (!oids.is_known[i]) {
    // A look within this one would not be noticed here: there is one at the permissions only, which nothing
    // that is kept of a look reads by itself.
    look_up_index(index);
    catalog_met(read);
  }
  const Relation relation = table_open(oids.relations[i], AccessShareLock);
  return {relation, systable_beginscan(relation, oids.indexes[i], true, read.snapshot, key_count, keys)};
}

HeapTuple next_tuple(const CatalogScan &scan) {
  server_fault_point();
  return systable_getnext(scan.scan);
}

void end_scan(CatalogScan &scan) {
  systable_endscan(scan.scan);
  table_close(scan.relation, AccessShareLock);
}

void equals(ScanKey key, AttrNumber attribute, RegProcedure procedure, Datum value) {
  ScanKeyInit(key, attribute, BTEqualStrategyNumber, procedure, value);
}

void equals(ScanKey key, AttrNumber attribute, const Uuid &value) {
  equals(key, attribute, F_UUID_EQ, uuid_datum(value));
}

void is_null(ScanKey key, AttrNumber attribute) {
  ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, attribute, InvalidStrategy, InvalidOid, InvalidOid,
                         InvalidOid, Datum(0));
}

Datum column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute, bool *is_null) {
  return heap_getattr(tuple, attribute, RelationGetDescr(scan.relation), is_null);
}

Uuid uuid_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? Uuid{} : uuid_of_datum(datum);
}

char *text_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? nullptr : TextDatumGetCString(datum);
}

bool bool_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return !is_null && DatumGetBool(datum);
}

bool is_null_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  column(scan, tuple, attribute, &is_null);
  return is_null;
}

}  // namespace tenancy::pg
