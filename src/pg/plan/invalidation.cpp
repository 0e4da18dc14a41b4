#include "pg/plan/invalidation.hpp"

#include "pg/plan/shared_plans.hpp"
#include "pg/server/counters.hpp"

namespace tenancy::pg {
namespace {

// A transaction that changes more rows than that tells everybody: the server compares each message with all
// others of its command.
constexpr int max_rows_told = 1000;

// Scopes are told apart by these many numbers; two that share one are told of each other's changes.
constexpr uint32 scope_count = 32768;

struct {
  uint64 catalogs;
  uint64 settings;
  bool changed_here;            // this transaction changed a catalog: its rollback is a change, too
  bool dropped_in_transaction;  // see transaction_ended()
  bool old_is_kept;             // see read_by_old_snapshot()
  bool lists_used[static_cast<int>(IdList::count)];
  int rows_told;    // of this transaction's changes, by scope
  bool hears_anew;  // nothing is kept of what was read before: whose changes matter is noted from the start
  MessagesHeard messages;
  uint64 heard[scope_count / 64];
} state{};

// In the order of IdList.
constexpr CatalogIndex list_indexes[] = {CatalogIndex::workspaces_organization_id_slug_key,
                                         CatalogIndex::api_keys_user_idx};

// A scope's changes are told as those of a relation that does not exist: an OID that is made of the id. Where
// a relation has this OID after all, its changes are taken for the scope's, and the other way round, which
// costs some work and nothing else.
constexpr Oid scope_bit = 0x80000000U;

Oid scope_oid(Scope scope, const Uuid &id) {
  return scope_bit | static_cast<Oid>(hash_bytes_extended(id.bytes.data(), static_cast<int>(id.bytes.size()),
                                                          static_cast<uint64>(scope)));
}

uint64 &word_of(Oid scope) { return state.heard[scope % scope_count / 64]; }
uint64 bit_of(Oid scope) { return uint64{1} << (scope % 64); }

bool is_heard(Oid relation) {
  if ((relation & scope_bit) == 0) return false;
  state.messages.of_scopes++;
  return (word_of(relation) & bit_of(relation)) != 0;
}

void kept_is_stale() {
  count(Counter::invalidations);
  state.catalogs++;
  state.hears_anew = true;
  state.old_is_kept = false;
  state.dropped_in_transaction = true;
  for (bool &used : state.lists_used) used = false;
  drop_specialized_plans();
}

void catalogs_changed() {
  kept_is_stale();
  forget_catalog_oids();
}

bool is_used_list(Oid relation) {
  for (int i = 0; i < static_cast<int>(IdList::count); i++)
    if (state.lists_used[i] && is_known_index(list_indexes[i], relation)) return true;
  return false;
}

extern "C" {
static void relation_invalidated(Datum, Oid relation) {
  state.messages.of_any++;
  // InvalidOid: the queue overflowed, and anything may have changed.
  if (!OidIsValid(relation) || is_catalog_relation(relation) || is_used_list(relation))
    catalogs_changed();
  else if (is_heard(relation))
    kept_is_stale();
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
      state.rows_told = 0;
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

Uuid id_in(const TriggerData *trigger, HeapTuple tuple, const char *column_name) {
  const TupleDesc description = RelationGetDescr(trigger->tg_relation);
  bool is_null = false;
  const Datum datum = heap_getattr(tuple, SPI_fnumber(description, column_name), description, &is_null);
  return is_null ? Uuid{} : uuid_of_datum(datum);
}

// Of an API key that a row belongs to.
struct KeyOfRow {
  Uuid organization;  // nil when there is no such key any more
  bool is_new;        // made by this transaction
};

KeyOfRow key_of(const TriggerData *trigger, HeapTuple row) {
  KeyOfRow result{};
  CatalogRead read = begin_catalog_read();
  ScanKeyData key;
  equals(&key, attribute::api_keys::api_key_id, id_in(trigger, row, "api_key_id"));
  CatalogScan scan = begin_scan(read, CatalogIndex::api_keys_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    result = {uuid_column(scan, tuple, attribute::api_keys::organization_id),
              TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data))};
  end_scan(scan);
  end_catalog_read(read);
  return result;
}

void tell_scope(Scope scope, const Uuid &id) {
  alignas(MAXIMUM_ALIGNOF) char space[MAXALIGN(SizeofHeapTupleHeader) + sizeof(FormData_pg_class)] = {};
  HeapTupleData entry{};
  entry.t_data = reinterpret_cast<HeapTupleHeader>(space);
  entry.t_data->t_hoff = MAXALIGN(SizeofHeapTupleHeader);
  reinterpret_cast<Form_pg_class>(GETSTRUCT(&entry))->oid = scope_oid(scope, id);
  CacheInvalidateRelcacheByTuple(&entry);
}

const char *argument_of(const TriggerData *trigger, int i) {
  return trigger->tg_trigger->tgnargs > i ? trigger->tg_trigger->tgargs[i] : "";
}

// Whether it is enough to tell who listens to the row's organization, and to its user where the argument says
// so.
bool told_by_scope(const TriggerData *trigger, HeapTuple row) {
  const char *scope = argument_of(trigger, 1);
  Uuid organization;
  if (strcmp(scope, "organization") == 0 || strcmp(scope, "member") == 0)
    organization = id_in(trigger, row, "organization_id");
  else if (strcmp(scope, "key") == 0)
    organization = key_of(trigger, row).organization;
  if (!organization || state.rows_told >= max_rows_told) return false;
  state.rows_told++;
  tell_scope(Scope::organization, organization);
  // Which organizations somebody is in decides which one is active.
  if (strcmp(scope, "member") == 0) tell_scope(Scope::user, id_in(trigger, row, "user_id"));
  return true;
}

void tell(const TriggerData *trigger) {
  const bool of_row = TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
  bool is_told = of_row && told_by_scope(trigger, trigger->tg_trigtuple);
  if (is_told && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
    is_told = told_by_scope(trigger, trigger->tg_newtuple);
  if (!is_told) CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
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

void listen_to(const CatalogRead &read, Scope scope, const Uuid &id) {
  if (state.hears_anew) {
    memset(state.heard, 0, sizeof state.heard);
    state.hears_anew = false;
  }
  const Oid told_as = scope_oid(scope, id);
  word_of(told_as) |= bit_of(told_as);
  if (read.messages.of_scopes != state.messages.of_scopes) kept_is_stale();
}

MessagesHeard messages_heard() { return state.messages; }

void catalog_met(const CatalogRead &read) {
  if (read.messages.of_any != state.messages.of_any) kept_is_stale();
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
  // Its columns are read by number.
  if (RelationGetNamespace(trigger->tg_relation) != get_namespace_oid("tenancy", true))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("table \"%s\" is not a catalog of pg_tenancy",
                           RelationGetRelationName(trigger->tg_relation))));
  const char *argument = argument_of(trigger, 0);

  state.changed_here = true;
  // What this transaction has read of its own change is dropped with it; others hear of it at commit.
  state.catalogs++;
  if (strcmp(argument, "new") == 0) return PointerGetDatum(nullptr);
  // A scope given to a key that others may be using concerns them; a new key's does not.
  if (strcmp(argument, "of_key") == 0 && key_of(trigger, trigger->tg_trigtuple).is_new)
    return PointerGetDatum(nullptr);
  if (strcmp(argument, "listed") == 0) {
    const Oid index = index_of_list(trigger);
    if (OidIsValid(index)) CacheInvalidateRelcacheByRelid(index);
  } else {
    tell(trigger);
  }
  return PointerGetDatum(nullptr);
}
}

}  // namespace tenancy::pg
