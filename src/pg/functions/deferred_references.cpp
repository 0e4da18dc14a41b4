// Has foreign keys that are deferred checked at once, while rows are removed.
//
// A command in a security-restricted operation (see owner_work.cpp) may leave nothing to the end of the
// transaction, so the foreign keys of its table have to be IMMEDIATE. SET CONSTRAINTS knows them by name
// only, and fires whatever is pending of constraints with that name: also triggers of others, whose functions
// would run with the rights of this module's caller, the extension's owner. So nothing may be pending but
// foreign keys, whose queries run as the owners of their tables.

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/functions/owner_work.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"

namespace tenancy::pg {
namespace {

// Index expressions of an exclusion constraint run when it is checked, as do constraint triggers.
void refuse_pending(const FormData_pg_constraint &row) {
  if (row.contype == CONSTRAINT_FOREIGN || !row.condeferrable || !AfterTriggerPendingOnRel(row.conrelid))
    return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("constraint \"%s\" of table \"%s\" is still to be checked in this transaction",
                  NameStr(row.conname), get_rel_name(row.conrelid)),
           errdetail("A foreign key of the same name is to be checked before rows are removed."),
           errhint("Commit first, or use SET CONSTRAINTS ALL IMMEDIATE, then go on with the same call.")));
}

// Constraints of partitions belong to those of their tables, whatever they are called.
void refuse_pending_of_partitions(Relation constraints, Oid parent) {
  check_stack_depth();
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_conparentid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(parent));
  const SysScanDesc scan = systable_beginscan(constraints, ConstraintParentIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    const auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    refuse_pending(*row);
    refuse_pending_of_partitions(constraints, row->oid);
  }
  systable_endscan(scan);
}

// In all schemas: another schema may get this one's name until the constraint is looked up. Tables with
// pending triggers are locked, so that none of their constraints can change its name. Our own catalogs have
// triggers of ours alone. RETURNS whether all constraints of that name are deferrable.
bool examine_namesakes(const char *name) {
  const Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_conname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
  const SysScanDesc scan = systable_beginscan(constraints, ConstraintNameNspIndexId, true, nullptr, 1, &key);
  bool all_deferrable = true;
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    const auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    all_deferrable = all_deferrable && row->condeferrable;
    if (is_catalog_schema(row->connamespace)) continue;
    refuse_pending(*row);
    refuse_pending_of_partitions(constraints, row->oid);
  }
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
  return all_deferrable;
}

extern "C" {
static void set_constraints(void *statement) {
  AfterTriggerSetState(static_cast<ConstraintsSetStmt *>(statement));
}
}

}  // namespace

extern "C" {
// set_reference(schema, name, deferred): the mode of a foreign key in this transaction; what is pending of it
// is checked if it becomes immediate.
PG_FUNCTION_INFO_V1(pg_tenancy_set_reference);
Datum pg_tenancy_set_reference(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  char *name = pstrdup(NameStr(*PG_GETARG_NAME(1)));
  const bool deferred = PG_GETARG_BOOL(2);
  // The server defers all constraints of a name, or none. A foreign key that stays immediate is only
  // stricter.
  const bool all_deferrable = examine_namesakes(name);
  if (deferred && !all_deferrable) PG_RETURN_VOID();
  ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);
  statement->constraints = list_make1(makeRangeVar(pstrdup(NameStr(*PG_GETARG_NAME(0))), name, -1));
  statement->deferred = deferred;
  // The user stays, who may use all schemas; operators in the queries of foreign keys are users' code.
  const OwnerWork work = begin_owner_work(GetUserId(), "pg_catalog, tenancy, pg_temp");
  run_users_code(set_constraints, statement);
  end_owner_work(work);
  PG_RETURN_VOID();
}
}

}  // namespace tenancy::pg
