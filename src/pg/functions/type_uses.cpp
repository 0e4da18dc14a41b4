#include "pg/functions/type_uses.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "catalog/pg_depend.h"
}

namespace tenancy::pg {
namespace {

// OIDs of one kind, each once.
struct OidSet {
  HTAB *hash;
  PodArray<Oid> members;

  void add(Oid oid) {
    bool is_there = false;
    hash_search(hash, &oid, HASH_ENTER, &is_there);
    if (!is_there) members.append(oid);
  }
};

OidSet make_set() {
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(Oid);
  control.hcxt = CurrentMemoryContext;
  return {hash_create("OIDs", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT), {}};
}

bool is_part(char dependency) {
  return dependency == DEPENDENCY_AUTO || dependency == DEPENDENCY_INTERNAL ||
         dependency == DEPENDENCY_PARTITION_PRI || dependency == DEPENDENCY_PARTITION_SEC;
}

// Adds what an expression is a part of: a table, or the domain that it is a constraint of.
void add_whole(Relation depend, const FormData_pg_depend *part, OidSet *tables, OidSet *types) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(part->classid));
  ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(part->objid));
  const SysScanDesc scan = systable_beginscan(depend, DependDependerIndexId, true, nullptr, 2, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (!is_part(form->deptype)) continue;
    if (form->refclassid == TypeRelationId) types->add(form->refobjid);
    if (form->refclassid != RelationRelationId) continue;
    const char kind = get_rel_relkind(form->refobjid);
    if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) tables->add(form->refobjid);
  }
  systable_endscan(scan);
}

// Adds tables with columns of the type, and types made of it; and, if asked for, tables that only use it.
void add_uses(Relation depend, Oid type, bool only_values, OidSet *tables, OidSet *types) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(TypeRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
  const SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    CHECK_FOR_INTERRUPTS();
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (form->classid == TypeRelationId) {
      types->add(form->objid);
    } else if (form->classid == RelationRelationId) {  // by a column, OF the type, or of an index
      const char kind = get_rel_relkind(form->objid);
      if (kind == RELKIND_RELATION || (kind == RELKIND_PARTITIONED_TABLE && !only_values))
        tables->add(form->objid);
      if (const Oid row_type = get_rel_type_id(form->objid); OidIsValid(row_type)) types->add(row_type);
      if (!only_values && (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX))
        add_whole(depend, form, tables, types);
    } else if (!only_values) {
      add_whole(depend, form, tables, types);
    }
  }
  systable_endscan(scan);
}

PodArray<Oid> find_tables(Oid type, bool only_values) {
  OidSet tables = make_set(), types = make_set();
  types.add(type);
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  // A type can be in many others in many ways: each is visited once.
  for (int i = 0; i < types.members.count; i++)
    add_uses(depend, types.members.items[i], only_values, &tables, &types);
  table_close(depend, AccessShareLock);
  hash_destroy(tables.hash);
  hash_destroy(types.hash);
  return tables.members;
}

}  // namespace

PodArray<Oid> tables_with_type(Oid type) { return find_tables(type, true); }

PodArray<Oid> tables_that_use(Oid type) { return find_tables(type, false); }

}  // namespace tenancy::pg
