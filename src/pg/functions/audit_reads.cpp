// protect(..., audit_reads => true): each run of the executor that reads the table leaves an audit entry with
// the number of rows that it returned. The entry is queued when the run's memory is freed: at its end, or
// when its transaction is aborted.

#include "pg/functions/audit_reads.hpp"

#include <algorithm>

#include "pg/catalog/catalog_read.hpp"
#include "pg/catalog/catalog_tables.hpp"
#include "pg/plan/owner_exemption.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/session/audit_events.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;

// The audited tables, with their partitions and children. Known until a message about any table arrives,
// since protect() changes the table.
struct {
  bool is_known;
  bool is_locked;  // the list could not be read
  int count;
  Oid *relations;  // sorted
} audited{};

bool counts_rows = false;
uint64 statements = 0;

// The reads of one run, in its own memory.
struct Reads {
  const EState *execution;
  uint64 rows;
  uint64 query;
  uint64 statement;
  bool is_running;
  int count;
  AuditEvent *events;
  MemoryContextCallback at_end;
};

extern "C" {
static void relation_changed(Datum, Oid relation) {
  if (!OidIsValid(relation) || relation >= FirstNormalObjectId) audited.is_known = false;
}

static void reads_end(void *argument) {
  const auto *reads = static_cast<const Reads *>(argument);
  const uint64 rows = reads->rows + (reads->is_running ? reads->execution->es_processed : 0);
  for (int i = 0; i < reads->count; i++) {
    AuditEvent &event = reads->events[i];
    strlcpy(event.outcome, reads->is_running ? "failure" : "success", sizeof event.outcome);
    snprintf(event.details, sizeof event.details,
             "{\"rows\": " UINT64_FORMAT ", \"statement\": \"%lx.%x." UINT64_FORMAT
             "\", \"query_id\": " INT64_FORMAT "}",
             rows, static_cast<unsigned long>(MyStartTime), static_cast<unsigned>(MyProcPid),
             reads->statement, static_cast<int64>(reads->query));
    put_audit_event(event);
  }
}
}

// Concerns every statement, so that it neither raises an error nor waits for ALTER EXTENSION, whatever the
// extension's version: anybody can have others wait for the table.
void read_audited() {
  const Oid index = get_relname_relid("protected_tables_audited_idx", get_namespace_oid("tenancy", true));
  const Oid table = OidIsValid(index) ? IndexGetRelation(index, true) : InvalidOid;
  audited.is_known = true;  // a message that arrives meanwhile unsets it
  audited.is_locked = false;
  PodArray<Oid> found;
  if (OidIsValid(table)) {
    if (!ConditionalLockRelationOid(table, AccessShareLock)) {
      audited.is_known = false;
      audited.is_locked = true;
      return;
    }
    Relation relation = try_table_open(table, NoLock);
    if (relation == nullptr) return;
    SysScanDesc scan = begin_index_scan(relation, index, nullptr, 0, nullptr);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
      bool is_null = false;
      found.append(DatumGetObjectId(
          heap_getattr(tuple, attribute::protected_tables::relation, RelationGetDescr(relation), &is_null)));
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
  }
  auto *relations = static_cast<Oid *>(
      MemoryContextAlloc(TopMemoryContext, sizeof(Oid) * static_cast<size_t>(found.count + 1)));
  std::copy_n(found.items, found.count, relations);
  std::sort(relations, relations + found.count);
  if (audited.relations != nullptr) pfree(audited.relations);
  audited.relations = relations;
  audited.count = found.count;
}

// While the list cannot be read, each protected table may be on it, and is taken for audited.
bool is_audited(Oid relation) {
  if (audited.is_locked) return OidIsValid(get_relation_policy_oid(relation, "tenancy_select", true));
  return std::binary_search(audited.relations, audited.relations + audited.count, relation);
}

void describe(AuditEvent &event, Oid relation) {
  event = begin_audit_event();
  strlcpy(event.action, "read", sizeof event.action);
  strlcpy(event.resource_type, "table", sizeof event.resource_type);
  const char *name = get_rel_name(relation);
  const char *schema = get_namespace_name(get_rel_namespace(relation));
  if (name != nullptr && schema != nullptr)
    copy_audit_text(event.resource_id, sizeof event.resource_id, quote_qualified_identifier(schema, name));
}

template <typename... Rest>
void run(QueryDesc *description, ScanDirection direction, uint64 count, Rest... rest) {
  Reads *reads = nullptr;
  for (const MemoryContextCallback *callback = description->estate->es_query_cxt->reset_cbs;
       callback != nullptr; callback = callback->next)
    if (callback->func == reads_end) reads = static_cast<Reads *>(callback->arg);
  const bool counts = reads != nullptr && !reads->is_running;
  if (counts) reads->is_running = true;
  if (next_run != nullptr)
    next_run(description, direction, count, rest...);
  else
    standard_ExecutorRun(description, direction, count, rest...);
  // After an error it stays running, which says so.
  if (!counts) return;
  reads->rows += description->estate->es_processed;
  reads->is_running = false;
}

// Not before there is something to count.
void count_rows() {
  if (counts_rows) return;
  counts_rows = true;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
}

// A partition or child comes with a read of its parent, which needs the privileges. Where an audited table is
// between them, the read is that one's.
bool is_read(const PlannedStmt *statement, Index number) {
  const auto *entry = rt_fetch(number, statement->rtable);
  if ((privileges_needed(statement, entry) & ACL_SELECT) != 0) return true;
  const ListCell *cell = nullptr;
  foreach (cell, statement->appendRelations) {
    const auto *child = lfirst_node(AppendRelInfo, cell);
    if (child->child_relid != number || !OidIsValid(child->parent_reloid)) continue;
    return !is_audited(child->parent_reloid) && is_read(statement, child->parent_relid);
  }
  return false;
}

void note_reads(const QueryDesc *description) {
  const PlannedStmt *statement = description->plannedstmt;
  PodArray<Oid> relations;
  const ListCell *cell = nullptr;
  Index number = 0;
  foreach (cell, statement->rtable) {
    const auto *entry = lfirst_node(RangeTblEntry, cell);
    number++;
    if (entry->rtekind != RTE_RELATION || !is_audited(entry->relid) || !is_read(statement, number)) continue;
    if (std::find(relations.items, relations.items + relations.count, entry->relid) ==
        relations.items + relations.count)
      relations.append(entry->relid);
  }
  // The extension's own work as a table's owner has entries of its own.
  if (relations.count == 0 || is_work_of_server(description->sourceText)) return;
  resolve_for_audit();
  count_rows();
  const MemoryContext context = description->estate->es_query_cxt;
  auto *reads = static_cast<Reads *>(MemoryContextAllocZero(context, sizeof(Reads)));
  reads->events = static_cast<AuditEvent *>(
      MemoryContextAllocZero(context, sizeof(AuditEvent) * static_cast<size_t>(relations.count)));
  for (int i = 0; i < relations.count; i++) {
    describe(reads->events[i], relations.items[i]);
    check_audit_fallback(reads->events[i]);
  }
  reads->count = relations.count;
  reads->execution = description->estate;
  reads->query = static_cast<uint64>(statement->queryId);
  reads->statement = ++statements;
  reads->at_end = {reads_end, reads, nullptr};
  MemoryContextRegisterResetCallback(context, &reads->at_end);
}

// A worker's part of its leader's query is in the leader's entry; queries of functions that it calls have
// their own.
bool is_leaders(const QueryDesc *description) {
  return IsParallelWorker() && description->dest != nullptr && description->dest->mydest == DestTupleQueue;
}

extern "C" {
static void start(QueryDesc *description, int flags) {
  if (next_start != nullptr)
    next_start(description, flags);
  else
    standard_ExecutorStart(description, flags);
  if (likely(audited.is_known && audited.count == 0)) return;
  if ((flags & EXEC_FLAG_EXPLAIN_ONLY) != 0 || is_leaders(description) || !IsTransactionState()) return;
  if (!audited.is_known) read_audited();
  if (audited.count > 0 || audited.is_locked) note_reads(description);
}
}

}  // namespace

void register_audit_reads() {
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
  CacheRegisterRelcacheCallback(relation_changed, Datum(0));
}

}  // namespace tenancy::pg
