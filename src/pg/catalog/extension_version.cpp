#include "pg/catalog/extension_version.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/generation.hpp"

namespace tenancy::pg {
namespace {

// The module's own version, and those with an update path to it: the module serves these until each
// database has been updated.
constexpr const char *served_versions[] = {PG_TENANCY_SERVED_VERSIONS};

bool is_served(const char *version) {
  for (const char *served : served_versions)
    if (strcmp(served, version) == 0) return true;
  return false;
}

// In the current memory context; nullptr when there is no such extension.
const char *installed_version() {
  const Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum("pg_tenancy"));
  // Its few rows are one page: to open an index takes longer.
  const SysScanDesc scan = systable_beginscan(extensions, InvalidOid, false, nullptr, 1, &key);
  const HeapTuple tuple = systable_getnext(scan);
  const char *version = nullptr;
  if (HeapTupleIsValid(tuple)) {
    bool is_null = false;
    const Datum datum =
        heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(extensions), &is_null);
    if (!is_null) version = TextDatumGetCString(datum);
  }
  systable_endscan(scan);
  table_close(extensions, AccessShareLock);
  return version;
}

}  // namespace

void require_served_version() {
  const char *version = installed_version();
  if (version == nullptr || is_served(version)) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
       errmsg("extension \"pg_tenancy\" has version %s in this database, and this session has the module of "
              "version %s",
              version, PG_TENANCY_VERSION),
       errhint(
           "Connect again. Where that does not help, run ALTER EXTENSION pg_tenancy UPDATE, or install the "
           "module of the extension's version.")));
}

extern "C" {
// Event trigger: every session checks the version again; a session whose own module does not serve it can't
// update.
PG_FUNCTION_INFO_V1(pg_tenancy_extension_altered);
Datum pg_tenancy_extension_altered(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    elog(ERROR, "pg_tenancy_extension_altered: not called by event trigger manager");
  const auto *trigger = reinterpret_cast<EventTriggerData *>(fcinfo->context);
  if (IsA(trigger->parsetree, AlterExtensionStmt) &&
      strcmp(reinterpret_cast<const AlterExtensionStmt *>(trigger->parsetree)->extname, "pg_tenancy") == 0) {
    expire_definition_tokens();
    CacheInvalidateRelcacheByRelid(catalog_relation(CatalogIndex::organizations_pkey));
  }
  return Datum(0);
}
}

}  // namespace tenancy::pg
