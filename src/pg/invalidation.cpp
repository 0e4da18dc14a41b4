#include "pg/invalidation.hpp"

#include "pg/counters.hpp"
#include "pg/shared_plans.hpp"

namespace tenancy::pg {
namespace {

struct {
  uint64 catalogs;
  uint64 settings;
  bool changed_here;            // this transaction changed a catalog: its rollback is a change, too
  bool dropped_in_transaction;  // see transaction_ended()
  bool old_is_kept;             // see read_by_old_snapshot()
  bool lists_used[static_cast<int>(IdList::count)];
} state{};

// In the order of IdList.
constexpr CatalogIndex list_indexes[] = {CatalogIndex::workspaces_organization_id_slug_key,
                                         CatalogIndex::api_keys_user_idx};

void catalogs_changed() {
  count(Counter::invalidations);
  state.catalogs++;
  state.old_is_kept = false;
  state.dropped_in_transaction = true;
  for (bool &used : state.lists_used) used = false;
  drop_specialized_plans();
  forget_catalog_oids();
}

bool is_used_list(Oid relation) {
  for (int i = 0; i < static_cast<int>(IdList::count); i++)
    if (state.lists_used[i] && is_known_index(list_indexes[i], relation)) return true;
  return false;
}

extern "C" {
static void relation_invalidated(Datum, Oid relation) {
  // InvalidOid: the queue overflowed, and anything may have changed.
  if (!OidIsValid(relation) || is_catalog_relation(relation) || is_used_list(relation)) catalogs_changed();
}

// A plan that was being made while a message arrived is in the cache only now.
static void transaction_ended(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
      if (state.changed_here) catalogs_changed();
      [[fallthrough]];
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PREPARE:
      if (state.old_is_kept) catalogs_changed();
      if (state.dropped_in_transaction) drop_specialized_plans();
      state.dropped_in_transaction = false;
      state.changed_here = false;
      break;
    default:
      break;
  }
}

static void subtransaction_ended(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  if (event == SUBXACT_EVENT_ABORT_SUB && state.changed_here) catalogs_changed();
}
}

// The index that tells of lists with rows such as this one; a service key is in no list.
Oid index_of_list(const TriggerData *trigger) {
  if (strcmp(NameStr(RelationGetForm(trigger->tg_relation)->relname), "workspaces") == 0)
    return catalog_index(list_indexes[static_cast<int>(IdList::workspaces)]);
  bool is_null = false;
  heap_getattr(trigger->tg_trigtuple, attribute::api_keys::user_id, RelationGetDescr(trigger->tg_relation),
               &is_null);
  return is_null ? InvalidOid : catalog_index(list_indexes[static_cast<int>(IdList::user_keys)]);
}

// A scope given to a key that others may be using concerns them; a new key's does not.
bool is_new_key(const TriggerData *trigger) {
  bool is_null = false;
  const Datum key_id = heap_getattr(trigger->tg_trigtuple, attribute::api_key_scopes::api_key_id,
                                    RelationGetDescr(trigger->tg_relation), &is_null);
  CatalogRead read = begin_catalog_read();
  ScanKeyData key;
  equals(&key, attribute::api_keys::api_key_id, F_UUID_EQ, key_id);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_keys_pkey, 1, &key);
  const HeapTuple tuple = next_tuple(scan);
  const bool is_new =
      HeapTupleIsValid(tuple) && TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
  end_scan(scan);
  end_catalog_read(read);
  return is_new;
}

}  // namespace

void register_invalidation() {
  CacheRegisterRelcacheCallback(relation_invalidated, Datum(0));
  RegisterXactCallback(transaction_ended, nullptr);
  RegisterSubXactCallback(subtransaction_ended, nullptr);
}

uint64 catalog_generation() { return state.catalogs; }
uint64 principal_generation() { return state.catalogs + state.settings; }

void read_by_old_snapshot() { state.old_is_kept = true; }

void forget_what_is_old() {
  if (state.old_is_kept && !IsInParallelMode()) catalogs_changed();
}

void list_used(IdList list) { state.lists_used[static_cast<int>(list)] = true; }

void principal_changed(const PrincipalTexts &texts) {
  state.settings++;
  drop_plans_with(Guard::plan);
  shared_plans_at_change(texts);
}

void everything_changed() {
  state.settings++;
  drop_specialized_plans();
}

void drop_plans_with(Guard guard) {
  // No hash is known: no filter has been made, so that no plan can hold one.
  uint32 hash = 0;
  if (guard_hash(guard, &hash)) CallSyscacheCallbacks(PROCOID, hash);
}

void drop_specialized_plans() {
  drop_plans_with(Guard::plan);
  drop_shared_plans();
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_invalidate);
Datum pg_tenancy_invalidate(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) elog(ERROR, "pg_tenancy_invalidate: not called by trigger manager");
  auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  const char *argument = trigger->tg_trigger->tgnargs > 0 ? trigger->tg_trigger->tgargs[0] : "";

  state.changed_here = true;
  // What this transaction has read of its own change is dropped with it; others hear of it at commit.
  state.catalogs++;
  Oid told = RelationGetRelid(trigger->tg_relation);
  if (strcmp(argument, "new") == 0 || (strcmp(argument, "of_key") == 0 && is_new_key(trigger)))
    told = InvalidOid;
  else if (strcmp(argument, "listed") == 0)
    told = index_of_list(trigger);
  if (OidIsValid(told)) CacheInvalidateRelcacheByRelid(told);
  return PointerGetDatum(nullptr);
}
}

}  // namespace tenancy::pg
