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

// Adds tables with columns of the type, and types made of it.
void add_uses(Relation depend, Oid type, OidSet *tables, OidSet *types) {
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
    } else if (form->classid == RelationRelationId) {  // by a column, or OF the type
      if (get_rel_relkind(form->objid) == RELKIND_RELATION) tables->add(form->objid);
      if (const Oid row_type = get_rel_type_id(form->objid); OidIsValid(row_type)) types->add(row_type);
    }
  }
  systable_endscan(scan);
}

}  // namespace

PodArray<Oid> tables_with_type(Oid type) {
  OidSet tables = make_set(), types = make_set();
  types.add(type);
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  // A type can be in many others in many ways: each is visited once.
  for (int i = 0; i < types.members.count; i++) add_uses(depend, types.members.items[i], &tables, &types);
  table_close(depend, AccessShareLock);
  hash_destroy(tables.hash);
  hash_destroy(types.hash);
  return tables.members;
}

}  // namespace tenancy::pg
