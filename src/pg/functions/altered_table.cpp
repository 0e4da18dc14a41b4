#include "pg/functions/altered_table.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"

extern "C" {
#include "access/tupdesc_details.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/datum.h"
}

namespace tenancy::pg {
namespace {

ProcessUtility_hook_type next_utility = nullptr;

// The commands that alter tables, from the innermost one, which code of an outer one runs. What they change
// in catalogs has their number or a later one; what earlier commands of the transaction have changed, an
// earlier one.
struct OpenCommand {
  CommandId begun_with;
  const OpenCommand *outer;
};
const OpenCommand *innermost = nullptr;

// The value that a column has in rows from before it was added
void add_missing_value(TupleDesc descriptor, const FormData_pg_attribute &attribute, HeapTuple row,
                       TupleDesc catalog) {
  bool is_null = true;
  const Datum values = heap_getattr(row, Anum_pg_attribute_attmissingval, catalog, &is_null);
  if (is_null) return;
  int first = 1;
  const Datum value = array_get_element(values, 1, &first, -1, attribute.attlen, attribute.attbyval,
                                        attribute.attalign, &is_null);
  if (is_null) return;
  if (descriptor->constr == nullptr) {
    descriptor->constr = static_cast<TupleConstr *>(palloc0(sizeof(TupleConstr)));
    descriptor->constr->missing =
        static_cast<AttrMissing *>(palloc0(sizeof(AttrMissing) * static_cast<Size>(descriptor->natts)));
  }
  TupleDescAttr(descriptor, attribute.attnum - 1)->atthasmissing = true;
  descriptor->constr->missing[attribute.attnum - 1] = {
      true, datumCopy(value, attribute.attbyval, attribute.attlen)};
}

// As of the command's beginning: a copy of the server's snapshot
Snapshot begin_snapshot(const OpenCommand &command) {
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  snapshot->curcid = command.begun_with;
  return snapshot;
}

bool is_rewritten_since(const OpenCommand &command, Relation relation) {
  const Relation catalog = table_open(RelationRelationId, AccessShareLock);
  const Snapshot snapshot = begin_snapshot(command);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationGetRelid(relation)));
  const SysScanDesc scan = systable_beginscan(catalog, ClassOidIndexId, true, snapshot, 1, &key);
  const HeapTuple row = systable_getnext(scan);
  const bool rewritten =
      !HeapTupleIsValid(row) ||
      reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relfilenode != relation->rd_rel->relfilenode;
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(catalog, AccessShareLock);
  return rewritten;
}

}  // namespace

TupleDesc stored_descriptor(Relation relation) {
  const OpenCommand *since = nullptr;
  for (const OpenCommand *command = innermost; command != nullptr && !is_rewritten_since(*command, relation);
       command = command->outer)
    since = command;
  if (since == nullptr) return RelationGetDescr(relation);
  const TupleDesc descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
  const Relation catalog = table_open(AttributeRelationId, AccessShareLock);
  const Snapshot snapshot = begin_snapshot(*since);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationGetRelid(relation)));
  const SysScanDesc scan = systable_beginscan(catalog, AttributeRelidNumIndexId, true, snapshot, 1, &key);
  bool differs = false;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *attribute = reinterpret_cast<const FormData_pg_attribute *>(GETSTRUCT(row));
    if (attribute->attnum <= 0 || attribute->attnum > descriptor->natts) continue;
    const int number = attribute->attnum - 1;
    const Form_pg_attribute now = TupleDescAttr(descriptor, number);
    // A column that is dropped keeps its form.
    differs = differs || (now->atttypid != attribute->atttypid && !now->attisdropped);
    memcpy(now, attribute, ATTRIBUTE_FIXED_PART_SIZE);
    now->atthasmissing = false;
    if (attribute->atthasmissing) add_missing_value(descriptor, *attribute, row, RelationGetDescr(catalog));
    attribute_changed(descriptor, number);
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(catalog, AccessShareLock);
  descriptor_changed(descriptor);
  return differs ? descriptor : RelationGetDescr(relation);
}

void require_stored_form(Relation relation) {
  if (innermost == nullptr || stored_descriptor(relation) == RelationGetDescr(relation)) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("table \"%s\" is being altered", RelationGetRelationName(relation)),
           errdetail("Its rows still have the columns' former types, and cannot be changed meanwhile.")));
}

extern "C" {
static void run_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                        ProcessUtilityContext context, ParamListInfo parameters,
                        QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion) {
  const auto run = [&] {
    const auto next = next_utility != nullptr ? next_utility : standard_ProcessUtility;
    next(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
  };
  if (!IsA(statement->utilityStmt, AlterTableStmt)) {
    run();
    return;
  }
  struct Command {
    const decltype(run) *work;
    OpenCommand open;
  } command{&run, {GetCurrentCommandId(false), innermost}};
  innermost = &command.open;
  run_with_cleanup([](void *argument) { (*static_cast<Command *>(argument)->work)(); },
                   [](void *argument) { innermost = static_cast<Command *>(argument)->open.outer; },
                   &command);
}
}

void register_altered_tables() {
  next_utility = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
}

}  // namespace tenancy::pg
