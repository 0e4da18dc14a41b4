// Locks for work on all protected tables, concurrent with DDL and writers.
//
// DDL on partitions locks the partitioned table first. Locking several tables in another order deadlocks
// with it, and the server may cancel either session. So the tables are locked before they are read,
// partitioned ones first, and none is held while waiting for another.

#include "pg/catalog/caller.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pg_prelude.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

LOCKMODE lock_mode(const char *name) {
  if (strcmp(name, "access share") == 0) return AccessShareLock;
  if (strcmp(name, "row exclusive") == 0) return RowExclusiveLock;
  if (strcmp(name, "share update exclusive") == 0) return ShareUpdateExclusiveLock;
  elog(ERROR, "unexpected lock mode \"%s\"", name);
  return NoLock;
}

bool exists(Oid relation) { return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)); }

PodArray<Oid> oids_of(ArrayType *array) {
  PodArray<Oid> oids;
  Datum *values = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT, &values, &nulls, &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i]) oids.append(DatumGetObjectId(values[i]));
  return oids;
}

// Locks all relations, or waits for a locked one while holding none, and returns false.
bool lock_all_or_wait(std::span<const Oid> relations, LOCKMODE mode) {
  size_t locked = 0;
  while (locked < relations.size() && ConditionalLockRelationOid(relations[locked], mode)) locked++;
  if (locked == relations.size()) return true;
  for (size_t i = 0; i < locked; i++) UnlockRelationOid(relations[i], mode);
  LockRelationOid(relations[locked], mode);
  UnlockRelationOid(relations[locked], mode);
  return false;
}

// Whether a row that one snapshot shows is hidden from the other.
bool has_row_unseen_by(Oid oid, Snapshot one, Snapshot other) {
  const Relation relation = table_open(oid, AccessShareLock);
  TupleTableSlot *slot = table_slot_create(relation, nullptr);
  const TableScanDesc scan = begin_table_scan(relation, one);
  bool found = false;
  while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
    found = !table_tuple_satisfies_snapshot(relation, slot, other);
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  table_close(relation, AccessShareLock);
  return found;
}

}  // namespace

extern "C" {
// Locks relations until the end of the transaction; returns those that still exist. Without `wait`, leaves
// out those locked by other sessions.
PG_FUNCTION_INFO_V1(pg_tenancy_hold_tables);
Datum pg_tenancy_hold_tables(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const PodArray<Oid> wanted = oids_of(PG_GETARG_ARRAYTYPE_P(0));
  const LOCKMODE mode = lock_mode(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const bool wait = PG_GETARG_BOOL(2);
  PodArray<Datum> held;
  if (wait)
    while (!lock_all_or_wait(wanted.span(), mode)) CHECK_FOR_INTERRUPTS();
  for (const Oid relation : wanted.span())
    if ((wait || ConditionalLockRelationOid(relation, mode)) && exists(relation))
      held.append(ObjectIdGetDatum(relation));
  PG_RETURN_ARRAYTYPE_P(construct_array(held.items, static_cast<int>(held.count), REGCLASSOID, sizeof(Oid),
                                        true, TYPALIGN_INT));
}

// Raises 40001 where the transaction's snapshot doesn't show these tables as they are: what it would be told
// about others' tables, or parents of its own, may be no longer so.
PG_FUNCTION_INFO_V1(pg_tenancy_require_current);
Datum pg_tenancy_require_current(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (!IsolationUsesXactSnapshot()) PG_RETURN_VOID();
  const Snapshot newest = RegisterSnapshot(GetLatestSnapshot());
  for (const Oid relation : oids_of(PG_GETARG_ARRAYTYPE_P(0)).span())
    if (has_row_unseen_by(relation, newest, GetActiveSnapshot()) ||
        has_row_unseen_by(relation, GetActiveSnapshot(), newest))
      ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                      errmsg("could not serialize access due to concurrent administration"),
                      errhint("Retry the transaction, or use READ COMMITTED for commands that change or "
                              "remove tables and rows.")));
  UnregisterSnapshot(newest);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(pg_tenancy_schema_of);
Datum pg_tenancy_schema_of(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_OID(get_rel_namespace(PG_GETARG_OID(0)));
}

PG_FUNCTION_INFO_V1(pg_tenancy_owner_of);
Datum pg_tenancy_owner_of(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  HeapTuple row = SearchSysCache1(RELOID, PG_GETARG_DATUM(0));
  if (!HeapTupleIsValid(row)) PG_RETURN_NULL();
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
  ReleaseSysCache(row);
  PG_RETURN_OID(owner);
}

// The row that the transaction has deleted, and not replaced by another version.
PG_FUNCTION_INFO_V1(pg_tenancy_owner_of_dropped);
Datum pg_tenancy_owner_of_dropped(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Relation classes = table_open(RelationRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, PG_GETARG_DATUM(0));
  const SysScanDesc scan = systable_beginscan(classes, ClassOidIndexId, true, SnapshotAny, 1, &key);
  Oid owner = InvalidOid;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));)
    if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(row->t_data)) &&
        ItemPointerEquals(&row->t_self, &row->t_data->t_ctid))
      owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
  systable_endscan(scan);
  table_close(classes, AccessShareLock);
  if (!OidIsValid(owner)) PG_RETURN_NULL();
  PG_RETURN_OID(owner);
}

// Waits for the end of a transaction, given as in pg_locks: "12/345", or the transaction id for prepared
// ones from before a restart.
PG_FUNCTION_INFO_V1(pg_tenancy_wait_for_transaction);
Datum pg_tenancy_wait_for_transaction(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  int process = 0;
  uint32 local = 0;
  if (sscanf(text_to_cstring(PG_GETARG_TEXT_PP(0)), "%d/%u", &process, &local) != 2)
    elog(ERROR, "unexpected virtual transaction");
  VirtualXactLock(VirtualTransactionId{process, local}, true);
  PG_RETURN_VOID();
}
}

}  // namespace tenancy::pg
