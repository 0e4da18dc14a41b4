#include "pg/functions/key_derivation.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/derived_key.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/fault_injection.hpp"

namespace tenancy::pg {
namespace {

enum class Key { missing, is_new, is_locked };

bool is_own(HeapTuple tuple) {
  return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
}

// RETURNS whether there still is such a row.
bool lock_row(Relation catalog, const CatalogRead &read, HeapTuple found, TupleTableSlot *latest) {
  TM_FailureData failure{};
  ItemPointerData place = found->t_self;
  const TM_Result locked =
      table_tuple_lock(catalog, &place, read.snapshot, latest, GetCurrentCommandId(true),
                       LockTupleNoKeyExclusive, LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
  server_fault_point();
  if (locked != TM_Ok && locked != TM_Deleted)
    elog(ERROR, "unexpected result of locking a row of \"%s\": %d", RelationGetRelationName(catalog),
         static_cast<int>(locked));
  return locked == TM_Ok;
}

// As long as this transaction runs, nobody else stores anything derived from the key, nor derives without
// waiting. A row that this transaction has made is known to nobody, and one that it has changed is locked.
Key lock_key(const Uuid &id) {
  Key result = Key::missing;
  CatalogRead read = begin_catalog_read();
  ScanKeyData key;
  equals(&key, attribute::api_keys::api_key_id, id);
  const Relation keys = table_open(catalog_relation(CatalogIndex::api_keys_pkey), RowShareLock);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_keys_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    if (is_own(tuple)) {
      const bool is_changed = (tuple->t_data->t_infomask & HEAP_UPDATED) != 0;
      result = is_changed ? Key::is_locked : Key::is_new;
    } else {
      TupleTableSlot *latest = table_slot_create(keys, nullptr);
      if (lock_row(keys, read, tuple, latest)) result = Key::is_locked;
      ExecDropSingleTupleTableSlot(latest);
    }
  }
  end_scan(scan);
  table_close(keys, NoLock);
  end_catalog_read(read);
  return result;
}

bool is_same(const bytea *one, const bytea *other) {
  if (one == nullptr || other == nullptr) return one == other;
  return VARSIZE_ANY_EXHDR(one) == VARSIZE_ANY_EXHDR(other) &&
         memcmp(VARDATA_ANY(one), VARDATA_ANY(other), VARSIZE_ANY_EXHDR(one)) == 0;
}

// A superuser's own index, of version 1.0: CatalogTupleUpdate() cannot keep it, and its functions are not
// ours.
bool has_index_of_others(Relation secrets) {
  bool found = false;
  List *indexes = RelationGetIndexList(secrets);
  for (int i = 0; i < list_length(indexes) && !found; i++) {
    const Relation index = index_open(list_nth_oid(indexes, i), AccessShareLock);
    found = !heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, nullptr) ||
            !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr) ||
            index->rd_index->indisexclusion;
    index_close(index, NoLock);
  }
  list_free(indexes);
  return found;
}

// Rights that cannot be written stay NULL, which is always right; stored ones must not outlive what they were
// derived from.
[[noreturn]] void refuse_index_of_others(Relation secrets) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("table \"%s\" has an index on expressions or of a part of its rows",
                         RelationGetRelationName(secrets)),
                  errdetail("Rights that are stored in it cannot be changed."), errhint("Drop the index.")));
  pg_unreachable();
}

// Without triggers: nothing has been decided, so there is nothing to audit or to notify of.
void write(Relation secrets, const CatalogRead &read, HeapTuple found, const bytea *derived) {
  TupleTableSlot *latest = table_slot_create(secrets, nullptr);
  // Another transaction may be changing the secret without having locked its key.
  if (lock_row(secrets, read, found, latest)) {
    bool should_free = false;
    HeapTuple tuple = ExecFetchSlotHeapTuple(latest, true, &should_free);
    int number = attribute::api_key_secrets::derived;
    Datum value = PointerGetDatum(derived);
    bool is_null = derived == nullptr;
    HeapTuple changed =
        heap_modify_tuple_by_cols(tuple, RelationGetDescr(secrets), 1, &number, &value, &is_null);
    ItemPointerData place = latest->tts_tid;
    CatalogTupleUpdate(secrets, &place, changed);
    server_fault_point();
  }
  ExecDropSingleTupleTableSlot(latest);
}

const bytea *derived_in(const CatalogScan &scan, HeapTuple tuple) {
  bool is_null = false;
  const Datum stored = column(scan, tuple, attribute::api_key_secrets::derived, &is_null);
  return is_null ? nullptr : DatumGetByteaPP(stored);
}

// In each secret of the key, or with id = nullptr in all secrets. REQUIRES: the key is locked, or gone.
void store(const Uuid *id, bool is_derived) {
  constexpr CatalogIndex by_key = CatalogIndex::api_key_secrets_api_key_id_is_current_key;
  if (is_derived) {
    // TRUNCATE locks no key: until this transaction ends it waits, and takes away what is stored then. The
    // lock of a read alone would end with it.
    LockRelationOid(catalog_relation(CatalogIndex::api_keys_pkey), AccessShareLock);
    LockRelationOid(catalog_relation(CatalogIndex::api_key_scopes_pkey), AccessShareLock);
  }
  // Own changes, and those of whoever had the lock.
  CommandCounterIncrement();
  CatalogRead read = begin_catalog_read();
  const Relation secrets = table_open(catalog_relation(by_key), RowExclusiveLock);
  if (RelationGetDescr(secrets)->natts >= attribute::api_key_secrets::derived) {
    const bool can_write = !has_index_of_others(secrets);
    const bytea *derived = is_derived && can_write ? derive_key(read, *id) : nullptr;
    ScanKeyData key;
    if (id != nullptr) equals(&key, attribute::api_key_secrets::api_key_id, *id);
    CatalogScan scan = begin_scan(read, by_key, id == nullptr ? 0 : 1, &key);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
      if (!is_same(derived_in(scan, tuple), derived)) {
        if (!can_write) refuse_index_of_others(secrets);
        write(secrets, read, tuple, derived);
      }
    end_scan(scan);
  }
  table_close(secrets, NoLock);
  end_catalog_read(read);
  CommandCounterIncrement();
}

// Where rows are applied that were derived elsewhere, nothing is derived: the tables may arrive one after the
// other.
bool may_derive() { return SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA; }

Uuid key_in(const TriggerData *trigger, HeapTuple row, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = heap_getattr(row, attribute, RelationGetDescr(trigger->tg_relation), &is_null);
  return is_null ? Uuid{} : uuid_of_datum(datum);
}

// The row is locked by its change.
void follow_changed_key(const TriggerData *trigger) {
  const Uuid before = key_in(trigger, trigger->tg_trigtuple, attribute::api_keys::api_key_id);
  const Uuid now = key_in(trigger, trigger->tg_newtuple, attribute::api_keys::api_key_id);
  if (now != before) store(&before, false);
  store(&now, may_derive());
}

void follow_removed_key(const TriggerData *trigger) {
  if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event)) return;
  const Uuid id = key_in(trigger, trigger->tg_trigtuple, attribute::api_keys::api_key_id);
  store(&id, false);
}

bool has_derived(const TriggerData *trigger, HeapTuple row) {
  // Version 1.0 has no such column.
  if (RelationGetDescr(trigger->tg_relation)->natts < attribute::api_key_secrets::derived) return false;
  bool is_null = false;
  heap_getattr(row, attribute::api_key_secrets::derived, RelationGetDescr(trigger->tg_relation), &is_null);
  return !is_null;
}

// A value that came with the row counts for nothing.
void follow_secret(const TriggerData *trigger) {
  if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event)) return;
  const bool is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
  HeapTuple row = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
  const Uuid id = key_in(trigger, row, attribute::api_key_secrets::api_key_id);
  const Key key = lock_key(id);
  // A new key is derived when it has its scopes, and one that comes from a dump when it is changed.
  const bool comes_from_elsewhere = !is_update && has_derived(trigger, row);
  if (key == Key::missing || comes_from_elsewhere)
    store(&id, false);
  else if (key == Key::is_locked || is_update)
    store(&id, may_derive());
}

// Deriving anew for each of many scopes would be quadratic: whoever is done asks for it.
void follow_scope(const TriggerData *trigger) {
  const Uuid id = key_in(trigger, trigger->tg_trigtuple, attribute::api_key_scopes::api_key_id);
  lock_key(id);
  store(&id, false);
  if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) return;
  const Uuid now = key_in(trigger, trigger->tg_newtuple, attribute::api_key_scopes::api_key_id);
  if (now == id) return;
  lock_key(now);
  store(&now, false);
}

}  // namespace

void follow_key_change(const TriggerData *trigger) {
  const char *catalog = NameStr(RelationGetForm(trigger->tg_relation)->relname);
  void (*follow)(const TriggerData *) = strcmp(catalog, "api_keys") == 0          ? follow_removed_key
                                        : strcmp(catalog, "api_key_secrets") == 0 ? follow_secret
                                        : strcmp(catalog, "api_key_scopes") == 0  ? follow_scope
                                                                                  : nullptr;
  if (follow == nullptr) return;
  CommandCounterIncrement();
  if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
    follow(trigger);
  else if (follow != follow_secret)
    store(nullptr, false);  // TRUNCATE
}

extern "C" {
// derive_key(api_key_id): after its scopes have been changed.
PG_FUNCTION_INFO_V1(pg_tenancy_derive_key);
Datum pg_tenancy_derive_key(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Uuid id = uuid_of_datum(PG_GETARG_DATUM(0));
  CommandCounterIncrement();
  if (lock_key(id) != Key::missing) store(&id, may_derive());
  PG_RETURN_VOID();
}

// derived_of_key(api_key_id): as the catalogs are now.
PG_FUNCTION_INFO_V1(pg_tenancy_derived_of_key);
Datum pg_tenancy_derived_of_key(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  CatalogRead read = begin_catalog_read();
  const bytea *derived = derive_key(read, uuid_of_datum(PG_GETARG_DATUM(0)));
  end_catalog_read(read);
  if (derived == nullptr) PG_RETURN_NULL();
  PG_RETURN_BYTEA_P(derived);
}

// is_derived_here(derived)
PG_FUNCTION_INFO_V1(pg_tenancy_is_derived_here);
Datum pg_tenancy_is_derived_here(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(is_derived_here(PG_GETARG_BYTEA_PP(0)));
}

// AFTER UPDATE of api_keys, for each row: before the triggers that look the session's principal up, which can
// be this key.
PG_FUNCTION_INFO_V1(pg_tenancy_derive_changed_key);
Datum pg_tenancy_derive_changed_key(PG_FUNCTION_ARGS) {
  const auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
      !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
      RelationGetRelid(trigger->tg_relation) != catalog_relation(CatalogIndex::api_keys_pkey))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "derive_changed_key"),
                    errdetail("It is for updates of API keys.")));
  CommandCounterIncrement();
  follow_changed_key(trigger);
  return Datum(0);
}
}

}  // namespace tenancy::pg
