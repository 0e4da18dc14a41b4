// Tables that follow the logging settings depend on nothing temporary. What is temporary is dropped as its
// session ends, with all that depends on it, and where that is refused, by autovacuum, which need not have
// loaded the module. Dependencies are those that DROP ... CASCADE follows: columns on types, these on others,
// on collations or functions, a table on an extension.

#include "pg/catalog/caller.hpp"
#include "pg/functions/held_rows.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_trigger.h"
#include "parser/parse_func.h"
}

namespace tenancy::pg {
namespace {

struct Object {
  Oid catalog;
  Oid oid;
};

// Each once, in the order in which they are found.
struct Objects {
  HTAB *hash;
  PodArray<Object> members;
  PodArray<AttrNumber> columns;  // of the first member, from which a member was found; 0 for none
  PodArray<bool> of_types;       // found as the relation that a type's columns are those of

  bool add(const Object &object, AttrNumber column = 0, bool is_of_type = false) {
    bool is_there = false;
    hash_search(hash, &object, HASH_ENTER, &is_there);
    if (is_there) return false;
    members.append(object);
    columns.append(column);
    of_types.append(is_of_type);
    return true;
  }
};

Objects make_objects(const Object &first) {
  HASHCTL control{};
  control.keysize = sizeof(Object);
  control.entrysize = sizeof(Object);
  control.hcxt = CurrentMemoryContext;
  Objects objects{hash_create("objects", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT), {}, {}, {}};
  objects.add(first);
  return objects;
}

SysScanDesc scan_depend(Relation depend, bool dependents, const Object &object, ScanKeyData *keys) {
  ScanKeyInit(&keys[0], dependents ? Anum_pg_depend_refclassid : Anum_pg_depend_classid,
              BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object.catalog));
  ScanKeyInit(&keys[1], dependents ? Anum_pg_depend_refobjid : Anum_pg_depend_objid, BTEqualStrategyNumber,
              F_OIDEQ, ObjectIdGetDatum(object.oid));
  // As it is now, whatever the transaction's snapshot is.
  return systable_beginscan(depend, dependents ? DependReferenceIndexId : DependDependerIndexId, true,
                            nullptr, 2, keys);
}

// Adds what would take the member with it: what it depends on, and its own parts, without which it is not
// left.
void add_needs(Relation depend, int member, bool locks, Objects *objects) {
  const Object object = objects->members.items[member];
  const bool is_first = member == 0;
  const AttrNumber column = objects->columns.items[member];
  const auto add = [&](const Object &found, AttrNumber of_first) {
    const bool is_of_type = object.catalog == TypeRelationId && found.catalog == RelationRelationId;
    const bool is_new = objects->add(found, is_first ? of_first : column, is_of_type);
    // A session that changes the type waits, or is waited for.
    if (is_new && is_of_type && locks) LockRelationOid(found.oid, AccessShareLock);
  };
  // The type depends on it, or it on the type.
  if (object.catalog == TypeRelationId)
    if (const Oid relation = get_typ_typrelid(object.oid); OidIsValid(relation))
      add({RelationRelationId, relation}, 0);
  ScanKeyData keys[2];
  SysScanDesc scan = scan_depend(depend, false, object, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    add({form->refclassid, form->refobjid}, static_cast<AttrNumber>(form->objsubid));
  }
  systable_endscan(scan);
  // A view's query, a generated column's expression. A table above has nothing of this kind that matters, and
  // perhaps very many partitions.
  if (object.catalog != RelationRelationId || !(is_first || objects->of_types.items[member])) return;
  scan = scan_depend(depend, true, object, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (form->deptype == DEPENDENCY_INTERNAL)
      add({form->classid, form->objid}, static_cast<AttrNumber>(form->refobjsubid));
  }
  systable_endscan(scan);
}

// Adds what the member would take with it.
void add_dependents(Relation depend, int member, Objects *objects) {
  const Object object = objects->members.items[member];
  ScanKeyData keys[2];
  SysScanDesc scan = scan_depend(depend, true, object, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    objects->add({form->classid, form->objid});
  }
  systable_endscan(scan);
  scan = scan_depend(depend, false, object, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (form->deptype == DEPENDENCY_INTERNAL) objects->add({form->refclassid, form->refobjid});
  }
  systable_endscan(scan);
}

// RETURNS what is temporary about a table, in words that follow its name; nullptr for nothing.
char *find_temporary(Oid table, bool locks) {
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  Objects objects = make_objects({RelationRelationId, table});
  char *found = nullptr;
  for (int i = 0; found == nullptr && i < objects.members.count; i++) {
    CHECK_FOR_INTERRUPTS();
    const Object object = objects.members.items[i];
    const AttrNumber column = objects.columns.items[i];
    if (object.catalog != NamespaceRelationId)
      add_needs(depend, i, locks, &objects);
    else if (isAnyTempNamespace(object.oid))
      found = column == 0 ? pstrdup("it depends on a temporary object")
                          : psprintf("column \"%s\" depends on a temporary object",
                                     get_attname(table, column, false));
  }
  hash_destroy(objects.hash);
  table_close(depend, AccessShareLock);
  return found;
}

// Read from the catalog: other tables are not locked for this.
bool has_keeping_trigger(Oid table) {
  const Relation triggers = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
  const SysScanDesc scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, nullptr, 1, &key);
  bool found = false;
  for (HeapTuple row; !found && HeapTupleIsValid(row = systable_getnext(scan));)
    found = keeps_rows(reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row))->tgfoid);
  systable_endscan(scan);
  table_close(triggers, AccessShareLock);
  return found;
}

// By its trigger. Without one, DDL has nothing to pay for.
bool is_any_kept(Relation depend) {
  char schema[] = "tenancy_internal", name[] = "keep_row";
  const Oid function = LookupFuncName(list_make2(makeString(schema), makeString(name)), 0, nullptr, true);
  ScanKeyData keys[2];
  const SysScanDesc scan = scan_depend(depend, true, {ProcedureRelationId, function}, keys);
  bool found = false;
  for (HeapTuple row; !found && HeapTupleIsValid(row = systable_getnext(scan));)
    found = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row))->classid == TriggerRelationId;
  systable_endscan(scan);
  return found;
}

void check_lasting(Oid table) {
  const char *problem = find_temporary(table, true);
  if (problem == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("table \"%s\" follows the logging settings, and %s", get_rel_name(table), problem),
                  errdetail("It would lose columns, or be dropped, as a session ends."),
                  errhint("Use what is not temporary, or tenancy.ignore_logging_settings() if the table is "
                          "no longer to follow them.")));
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_temporary_among);
Datum pg_tenancy_temporary_among(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *problem = find_temporary(PG_GETARG_OID(0), false);
  if (problem == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(problem));
}

// check_lasting(catalog, object): after a command has changed the object.
PG_FUNCTION_INFO_V1(pg_tenancy_check_lasting);
Datum pg_tenancy_check_lasting(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  Objects objects = make_objects({PG_GETARG_OID(0), PG_GETARG_OID(1)});
  const bool is_due = is_any_kept(depend);
  for (int i = 0; is_due && i < objects.members.count; i++) {
    CHECK_FOR_INTERRUPTS();
    const Object object = objects.members.items[i];
    // Objects that come to lie in a schema are changed themselves.
    if (object.catalog == NamespaceRelationId) continue;
    add_dependents(depend, i, &objects);
    if (object.catalog != RelationRelationId) continue;
    const char kind = get_rel_relkind(object.oid);
    if ((kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) && has_keeping_trigger(object.oid))
      check_lasting(object.oid);
  }
  hash_destroy(objects.hash);
  table_close(depend, AccessShareLock);
  PG_RETURN_VOID();
}
}

}  // namespace tenancy::pg
