// The trigger of the catalogs, which sends notifications of changed rows. Notifications are the server's
// own, of its relation cache: sent at commit to every session of the database, on rollback to none, on a
// standby by replay.
//
// Most changes concern one organization, and are sent as its topic's; the trigger's arguments say which. A
// row of a built-in role, which has no organization, may concern any organization, and so may one of a user
// or a login: these are sent as the catalog's own, to which every session that has read it reacts.

#include "pg/functions/catalog_changes.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/functions/key_derivation.hpp"
#include "pg/plan/invalidation.hpp"

namespace tenancy::pg {
namespace {

// Queueing is quadratic in the notifications of a command, so above this a transaction notifies all sessions.
constexpr int max_rows_notified = 1000;

// Of this transaction.
struct {
  bool has_changed;  // a catalog: its rollback is a change, too
  int rows_notified;
} state{};

extern "C" {
static void transaction_ended(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
    // The session no longer sees what it has changed, and may never see it again.
    case XACT_EVENT_PREPARE:
      if (state.has_changed) definitions_changed();
      [[fallthrough]];
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
      state.has_changed = false;
      state.rows_notified = 0;
      break;
    default:
      break;
  }
}

static void subtransaction_ended(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  if (event == SUBXACT_EVENT_ABORT_SUB && state.has_changed) definitions_changed();
}
}

// RETURNS the index whose notification is that of lists with rows such as this one; a service key is in no
// list.
Oid index_of_list(const TriggerData *trigger) {
  if (strcmp(NameStr(RelationGetForm(trigger->tg_relation)->relname), "workspaces") == 0)
    return catalog_index(index_of(IdList::workspaces));
  bool is_null = false;
  heap_getattr(trigger->tg_trigtuple, attribute::api_keys::user_id, RelationGetDescr(trigger->tg_relation),
               &is_null);
  return is_null ? InvalidOid : catalog_index(index_of(IdList::user_keys));
}

Uuid id_in(const TriggerData *trigger, HeapTuple tuple, const char *column_name) {
  const TupleDesc description = RelationGetDescr(trigger->tg_relation);
  bool is_null = false;
  const Datum datum = heap_getattr(tuple, SPI_fnumber(description, column_name), description, &is_null);
  return is_null ? Uuid{} : uuid_of_datum(datum);
}

// The API key that a row belongs to.
struct KeyOfRow {
  Uuid organization;  // nil if the key no longer exists
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

// CacheInvalidateRelcacheByRelid() would raise an error: it fetches the relation's pg_class row, and there is
// none. CacheInvalidateRelcacheByTuple() takes a row, and reads two columns of it: oid, and relisshared,
// which is false here, so that the notification goes to the sessions of this database.
void notify_audience(Audience audience, const Uuid &id) {
  alignas(MAXIMUM_ALIGNOF) char space[MAXALIGN(SizeofHeapTupleHeader) + sizeof(FormData_pg_class)] = {};
  HeapTupleData entry{};
  entry.t_data = reinterpret_cast<HeapTupleHeader>(space);
  entry.t_data->t_hoff = MAXALIGN(SizeofHeapTupleHeader);
  reinterpret_cast<Form_pg_class>(GETSTRUCT(&entry))->oid = relation_of(topic_of(audience, id));
  CacheInvalidateRelcacheByTuple(&entry);
}

const char *argument_of(const TriggerData *trigger, int i) {
  return trigger->tg_trigger->tgnargs > i ? trigger->tg_trigger->tgargs[i] : "";
}

// RETURNS whether notifying the row's organization, and its user if the argument says so, was enough.
bool notify_of_row(const TriggerData *trigger, HeapTuple row) {
  const char *audience = argument_of(trigger, 1);
  Uuid organization;
  if (strcmp(audience, "organization") == 0 || strcmp(audience, "member") == 0)
    organization = id_in(trigger, row, "organization_id");
  else if (strcmp(audience, "key") == 0)
    organization = key_of(trigger, row).organization;
  if (!organization || state.rows_notified >= max_rows_notified) return false;
  state.rows_notified++;
  notify_audience(Audience::organization, organization);
  // A user's organizations decide which one is active.
  if (strcmp(audience, "member") == 0) notify_audience(Audience::user, id_in(trigger, row, "user_id"));
  return true;
}

void notify(const TriggerData *trigger) {
  const bool of_row = TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
  bool is_done = of_row && notify_of_row(trigger, trigger->tg_trigtuple);
  if (is_done && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
    is_done = notify_of_row(trigger, trigger->tg_newtuple);
  if (!is_done) CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));  // all sessions
}

}  // namespace

void register_catalog_changes() {
  RegisterXactCallback(transaction_ended, nullptr);
  RegisterSubXactCallback(subtransaction_ended, nullptr);
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_invalidate);
Datum pg_tenancy_invalidate(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) elog(ERROR, "pg_tenancy_invalidate: not called by trigger manager");
  auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  // Its columns are read by number.
  if (!is_catalog_schema(RelationGetNamespace(trigger->tg_relation)))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("table \"%s\" is not a catalog of pg_tenancy",
                           RelationGetRelationName(trigger->tg_relation))));
  const char *argument = argument_of(trigger, 0);

  follow_key_change(trigger);
  state.has_changed = true;
  // For this transaction, whose own notification comes only with its next command. Others get theirs at
  // commit.
  expire_catalog_tokens();
  if (strcmp(argument, "new") == 0) return Datum(0);
  // A new scope of a key that others may be using concerns them; a new key's does not.
  if (strcmp(argument, "of_key") == 0 && key_of(trigger, trigger->tg_trigtuple).is_new) return Datum(0);
  if (strcmp(argument, "listed") == 0) {
    const Oid index = index_of_list(trigger);
    if (OidIsValid(index)) CacheInvalidateRelcacheByRelid(index);
  } else {
    notify(trigger);
  }
  return Datum(0);
}
}

}  // namespace tenancy::pg
