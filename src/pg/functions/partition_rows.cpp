// A new partition of a time takes its rows from the default partition.
//
// DELETE and INSERT would run the triggers of a table that is no partition yet, and of one that keeps rows
// under a legal hold. So the rows are moved as the server moves them where it splits a partition: without
// triggers, and in the same step in which the partition is attached. They never leave the partitioned table.

#include <algorithm>

#include "pg/functions/held_rows.hpp"
#include "pg/functions/meant_names.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tupconvert.h"
#include "catalog/pg_constraint.h"
#include "commands/tablecmds.h"
}

namespace tenancy::pg {
namespace {

void require_owner(Oid relation) {
  if (!owns_relation(relation, GetUserId()))
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
}

// Before and after the lock: others may not have one, and the owner can change while it is awaited.
Relation open_own(Oid oid, LOCKMODE lock) {
  require_owner(oid);
  const Relation relation = table_open(oid, lock);
  require_owner(oid);
  return relation;
}

[[noreturn]] void refuse_table(Relation relation, const char *problem) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("table \"%s\" %s", RelationGetRelationName(relation), problem)));
}

Relation open_heap(Oid oid) {
  const Relation relation = open_own(oid, AccessExclusiveLock);
  if (relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_rel->relam != HEAP_TABLE_AM_OID)
    refuse_table(relation, "is not an ordinary table in a heap");
  CheckTableNotInUse(relation, "ALTER TABLE");
  return relation;
}

struct Range {
  TimestampTz first;
  TimestampTz until;  // not included
};

struct Partitioned {
  Oid relation;
  const char *name;  // as SQL
  NameData control;
};

// Locked before its partition, as everybody does; hence found without a lock, and compared afterwards.
Relation open_parent(Oid default_partition) {
  require_owner(default_partition);
  if (!get_rel_relispartition(default_partition))
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("table \"%s\" is not a partition", get_rel_name(default_partition))));
  return open_own(get_partition_parent(default_partition, false), ShareUpdateExclusiveLock);
}

Partitioned read_parent(Relation parent, Relation default_partition) {
  if (get_default_partition_oid(RelationGetRelid(parent)) != RelationGetRelid(default_partition))
    refuse_table(default_partition, "is not a default partition");
  const auto *key = RelationGetPartitionKey(parent);
  if (key->strategy != PARTITION_STRATEGY_RANGE || key->partnatts != 1 || key->partattrs[0] <= 0 ||
      key->parttypid[0] != TIMESTAMPTZOID)
    refuse_table(parent, "is not partitioned by ranges of a time with time zone");
  Partitioned result{RelationGetRelid(parent), qualified(RelationGetRelid(parent)), {}};
  namestrcpy(&result.control, get_attname(RelationGetRelid(parent), key->partattrs[0], false));
  table_close(parent, NoLock);
  return result;
}

// The rows of one command: whatever is changed in the new partition afterwards is not of it.
struct Moved {
  PodArray<ItemPointerData> places;  // in the new partition; in their order
  CommandId command;
};

bool is_before(const ItemPointerData &one, const ItemPointerData &other) {
  return ItemPointerCompare(const_cast<ItemPointer>(&one), const_cast<ItemPointer>(&other)) < 0;
}

// Checks rows as an INSERT does: constraints of the new table can be stricter than those of the default
// partition, where they were never validated.
struct Checks {
  EState *state;
  ResultRelInfo *target;
  TupleTableSlot *row;
};

Checks begin_checks(Relation relation) {
  Checks checks{CreateExecutorState(), makeNode(ResultRelInfo),
                MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple)};
  InitResultRelInfo(checks.target, relation, 0, nullptr, 0);
  return checks;
}

void check_row(const Checks &checks, HeapTuple row) {
  ExecStoreHeapTuple(row, checks.row, false);
  if (checks.target->ri_RelationDesc->rd_att->constr != nullptr)
    ExecConstraints(checks.target, checks.row, checks.state);
  ExecClearTuple(checks.row);
  ResetPerTupleExprContext(checks.state);
}

void end_checks(const Checks &checks) {
  ExecDropSingleTupleTableSlot(checks.row);
  FreeExecutorState(checks.state);
}

bool is_within(HeapTuple row, AttrNumber control, TupleDesc descriptor, const Range &range) {
  bool is_null = true;
  const TimestampTz value = DatumGetTimestampTz(heap_getattr(row, control, descriptor, &is_null));
  return !is_null && value >= range.first && value < range.until;
}

void refuse_any_row(Relation relation) {
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0, nullptr);
  const bool is_empty = !HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  if (!is_empty) refuse_table(relation, "has rows");
}

// A foreign key to the default partition itself would not follow its rows.
void refuse_references(Relation relation) {
  const Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_constraint_confrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationGetRelid(relation)));
  ScanKeyInit(&keys[1], Anum_pg_constraint_conparentid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(InvalidOid));
  const SysScanDesc scan = systable_beginscan(constraints, InvalidOid, false, nullptr, 2, keys);
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    const auto *form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(row));
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("foreign key \"%s\" of table \"%s\" refers to the default partition \"%s\" itself",
                    NameStr(form->conname), get_rel_name(form->conrelid), RelationGetRelationName(relation)),
             errdetail("It would not find rows that move to another partition."),
             errhint("Have it refer to the partitioned table.")));
  }
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
}

Moved move_rows(Relation from, Relation to, AttrNumber control, const Range &range) {
  const TupleDesc descriptor = RelationGetDescr(from);
  const TupleConversionMap *map = convert_tuples_by_name(descriptor, RelationGetDescr(to));
  const MemoryContext of_row =
      AllocSetContextCreate(CurrentMemoryContext, "row that moves", ALLOCSET_DEFAULT_SIZES);
  const Checks checks = begin_checks(to);
  // Functions in checks can run commands of their own.
  Moved moved{{}, GetCurrentCommandId(true)};
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const SysScanDesc scan = systable_beginscan(from, InvalidOid, false, snapshot, 0, nullptr);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    CHECK_FOR_INTERRUPTS();
    if (!is_within(row, control, descriptor, range)) continue;
    const MemoryContext caller = MemoryContextSwitchTo(of_row);
    const HeapTuple copy = map == nullptr
                               ? heap_copytuple(row)
                               : execute_attr_map_tuple(row, const_cast<TupleConversionMap *>(map));
    check_row(checks, copy);
    heap_insert(to, copy, moved.command, 0, nullptr);
    simple_heap_delete(from, &row->t_self);
    const ItemPointerData place = copy->t_self;
    MemoryContextSwitchTo(caller);
    moved.places.append(place);
    MemoryContextReset(of_row);
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  end_checks(checks);
  MemoryContextDelete(of_row);
  std::sort(moved.places.items, moved.places.items + moved.places.count, is_before);
  CommandCounterIncrement();
  return moved;
}

void attach(const char *parent, const char *partition, const Range &range) {
  const auto bound = [](TimestampTz value) {
    return quote_literal_cstr(
        DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(value))));
  };
  const char *statement = psprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)", parent,
                                   partition, bound(range.first), bound(range.until));
  SPI_connect();
  const int done = SPI_execute(statement, false, 0);
  if (done != SPI_OK_UTILITY) elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(done));
  SPI_finish();
}

// Functions in checks, or another session, may have given the names to other tables.
void require_attached(Oid partition, Oid parent) {
  if (!get_rel_relispartition(partition) || get_partition_parent(partition, false) != parent)
    raise_renamed(partition);
}

// Functions of the owner's, in its indexes and constraints, run while the partition has no triggers yet.
void check_all_are_there(Oid oid, const Moved &moved, const Trigger *keeping) {
  const Relation partition = table_open(oid, NoLock);
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const SysScanDesc scan = systable_beginscan(partition, InvalidOid, false, snapshot, 0, nullptr);
  int count = 0;
  bool are_same = true;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan)); count++) {
    CHECK_FOR_INTERRUPTS();
    are_same =
        are_same && TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data)) &&
        HeapTupleHeaderGetRawCommandId(row->t_data) == moved.command &&
        std::binary_search(moved.places.span().begin(), moved.places.span().end(), row->t_self, is_before);
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  const Trigger *keeping_now = keeping_trigger(partition);
  if (count != moved.places.count || !are_same || (keeping != nullptr && keeping_now == nullptr))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("rows of table \"%s\" were changed while it was attached",
                           RelationGetRelationName(partition)),
                    errhint("Look for functions that write, in its indexes and constraints.")));
  if (keeping != nullptr && !keeps_content_of(*keeping_now, *keeping))
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("less would be content in partition \"%s\" than where its rows come from",
                    RelationGetRelationName(partition)),
             errhint("Name the default partition's columns of content to tenancy.apply_logging_settings() of "
                     "the partitioned table.")));
  table_close(partition, NoLock);
}

}  // namespace

extern "C" {
// attach_with_rows(partition, default_partition, first, until)
PG_FUNCTION_INFO_V1(pg_tenancy_attach_with_rows);
Datum pg_tenancy_attach_with_rows(PG_FUNCTION_ARGS) {
  const Oid partition = PG_GETARG_OID(0);
  const Range range{PG_GETARG_TIMESTAMPTZ(2), PG_GETARG_TIMESTAMPTZ(3)};
  const Relation partitioned = open_parent(PG_GETARG_OID(1));
  const Relation from = open_heap(PG_GETARG_OID(1));
  const Partitioned parent = read_parent(partitioned, from);
  const Relation to = open_heap(partition);
  const Trigger *keeping = keeping_trigger(from);
  const char *name = qualified(RelationGetRelid(to));
  // Rows are not added to any.
  if (RelationGetIndexList(to) != NIL) refuse_table(to, "has indexes");
  const AttrNumber control = get_attnum(RelationGetRelid(from), NameStr(parent.control));
  // Otherwise rows that a function of the same statement has written would be of the same command.
  CommandCounterIncrement();
  refuse_any_row(to);
  const Moved moved = move_rows(from, to, control, range);
  if (moved.places.count > 0) refuse_references(from);
  table_close(to, NoLock);
  table_close(from, NoLock);
  attach(parent.name, name, range);
  require_attached(partition, parent.relation);
  if (moved.places.count > 0) check_all_are_there(partition, moved, keeping);
  PG_RETURN_INT64(moved.places.count);
}
}

}  // namespace tenancy::pg
