#include "pg/plan/kept_statistics.hpp"

#include "pg/plan/protected_relation.hpp"
#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

get_relation_stats_hook_type next_relation_hook = nullptr;
get_index_stats_hook_type next_index_hook = nullptr;

struct Kept {
  Oid relation;
  AttrNumber column;
  bool inherited;
  bool old;  // changed since, but possibly in use by a statement that is being planned
  uint32 hash;
  HeapTuple statistics;  // nullptr: there are none
};
constexpr int most_kept = 64;
constexpr Size largest_kept = 32768;  // bytes: unpacked, lists of long texts can be megabytes
Kept kept[most_kept];
int kept_count = 0;
bool any_old = false;
uint64 changes = 0;  // invalidations of statistics, of any table
MemoryContext kept_context = nullptr;

// Compared only, never dereferenced: after an error the pointer dangles. It cannot equal the address of
// another planner state, since those of the server are not on the stack and only one of ours exists at a
// time.
const PlannerInfo *open_root = nullptr;

bool is_open(const PlannerInfo *root) { return root == open_root; }

// --- what is kept

HeapTuple unpacked(HeapTuple statistics) {
  const Relation catalog = table_open(StatisticRelationId, AccessShareLock);
  const TupleDesc descriptor = RelationGetDescr(catalog);
  Datum values[Natts_pg_statistic];
  bool nulls[Natts_pg_statistic];
  heap_deform_tuple(statistics, descriptor, values, nulls);
  for (int i = 0; i < descriptor->natts; i++)
    if (!nulls[i] && TupleDescAttr(descriptor, i)->attlen == -1)
      values[i] =
          PointerGetDatum(detoast_attr(reinterpret_cast<struct varlena *>(DatumGetPointer(values[i]))));
  HeapTuple result = heap_form_tuple(descriptor, values, nulls);
  table_close(catalog, AccessShareLock);
  return result;
}

HeapTuple find_statistics(Oid relation, AttrNumber column, bool inherited) {
  return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relation), Int16GetDatum(column),
                         BoolGetDatum(inherited));
}

const Kept *find_kept(Oid relation, AttrNumber column, bool inherited) {
  for (int i = 0; i < kept_count; i++)
    if (kept[i].relation == relation && kept[i].column == column && kept[i].inherited == inherited &&
        !kept[i].old)
      return &kept[i];
  return nullptr;
}

const Kept *keep(Oid relation, AttrNumber column, bool inherited) {
  if (kept_count == most_kept) return nullptr;
  if (kept_context == nullptr)
    kept_context = AllocSetContextCreate(TopMemoryContext, "tenancy statistics", ALLOCSET_SMALL_SIZES);
  const uint64 before = changes;
  HeapTuple found = find_statistics(relation, column, inherited);
  HeapTuple copy = nullptr;
  if (HeapTupleIsValid(found)) {
    // Read into the caller's memory: the entry may be too large to cache, and an error must leave nothing
    // behind.
    copy = unpacked(found);
    ReleaseSysCache(found);
    if (copy->t_len > largest_kept) return nullptr;
    const MemoryContext caller = MemoryContextSwitchTo(kept_context);
    copy = heap_copytuple(copy);
    MemoryContextSwitchTo(caller);
  }
  const uint32 hash = GetSysCacheHashValue3(STATRELATTINH, ObjectIdGetDatum(relation), Int16GetDatum(column),
                                            BoolGetDatum(inherited));
  Kept *entry = &kept[kept_count++];
  // Invalidations since the read began may concern this column.
  *entry = {relation, column, inherited, before != changes, hash, copy};
  any_old |= entry->old;
  return entry;
}

extern "C" {
static void statistics_changed(Datum, SyscacheNumber, uint32 hash) {
  changes++;
  for (int i = 0; i < kept_count; i++)
    if (hash == 0 || kept[i].hash == hash) kept[i].old = any_old = true;
}

static void stays(HeapTuple) {}
}

// --- for planning

// RETURNS the relation of this range table entry. Its number is not in the examined expression, which may
// belong to a query around root's.
RelOptInfo *relation_of(const PlannerInfo *root, const RangeTblEntry *entry) {
  for (int i = 1; i < root->simple_rel_array_size; i++)
    if (root->simple_rte_array[i] == entry) return root->simple_rel_array[i];
  return nullptr;
}

bool give_statistics(PlannerInfo *root, const RangeTblEntry *entry, AttrNumber column,
                     VariableStatData *data) {
  if (entry->rtekind != RTE_RELATION || !is_filter_planned(root)) return false;
  const RelOptInfo *relation = relation_of(root, entry);
  if (relation == nullptr || !has_row_filter(root, relation)) return false;
  const Kept *entry_kept = find_kept(entry->relid, column, entry->inh);
  if (entry_kept == nullptr) entry_kept = keep(entry->relid, column, entry->inh);
  if (entry_kept != nullptr) {
    data->statsTuple = entry_kept->statistics;
    data->freefunc = stays;
  } else {
    data->statsTuple = find_statistics(entry->relid, column, entry->inh);
    data->freefunc = ReleaseSysCache;
  }
  // As in the server: with hidden rows, only leakproof functions may get their values.
  data->acl_ok = is_open(root);
  return true;
}

// For an index on expressions. A partial index says nothing about the other rows.
bool give_index_statistics(const PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *data) {
  if (!is_open(root) || data->rel == nullptr) return false;
  const ListCell *cell = nullptr;
  foreach (cell, data->rel->indexlist) {
    const auto *candidate = static_cast<const IndexOptInfo *>(lfirst(cell));
    if (candidate->indexoid != index || candidate->indpred != NIL) continue;
    data->statsTuple = find_statistics(index, column, false);
    data->freefunc = ReleaseSysCache;
    data->acl_ok = true;
    return true;
  }
  return false;
}

extern "C" {
static bool relation_statistics(PlannerInfo *root, RangeTblEntry *entry, AttrNumber column,
                                VariableStatData *data) {
  if (next_relation_hook != nullptr && next_relation_hook(root, entry, column, data)) return true;
  return give_statistics(root, entry, column, data);
}

static bool index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *data) {
  if (next_index_hook != nullptr && next_index_hook(root, index, column, data)) return true;
  return give_index_statistics(root, index, column, data);
}
}

}  // namespace

void drop_old_statistics() {
  if (!any_old && kept_count < most_kept) return;
  const bool all = kept_count == most_kept;
  any_old = false;
  int count = 0;
  for (int i = 0; i < kept_count; i++) {
    if (!all && !kept[i].old) {
      kept[count++] = kept[i];
    } else if (kept[i].statistics != nullptr) {
      heap_freetuple(kept[i].statistics);
    }
  }
  kept_count = count;
}

OpenStatistics::OpenStatistics(const PlannerInfo *root) : opened_(*root) { open_root = &opened_; }

void OpenStatistics::close() { open_root = nullptr; }

void register_kept_statistics() {
  CacheRegisterSyscacheCallback(STATRELATTINH, statistics_changed, Datum(0));
  next_relation_hook = get_relation_stats_hook;
  get_relation_stats_hook = relation_statistics;
  next_index_hook = get_index_stats_hook;
  get_index_stats_hook = index_statistics;
}

}  // namespace tenancy::pg
