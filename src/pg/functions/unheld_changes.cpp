#include "pg/functions/unheld_changes.hpp"

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "common/hashfn.h"
#include "storage/lock.h"
}

namespace tenancy::pg {
namespace {

// Of a place, and the outermost subtransaction that has changed rows of it.
struct UnheldChange {
  Place place;
  SubTransactionId subtransaction;
};

HTAB *changes = nullptr;

// The holds that there were at each removal of a table's rows at once, since the first one.
struct UnheldTables {
  HTAB *holds;  // nullptr: no table
  SubTransactionId subtransaction;
};

UnheldTables tables{};

HTAB *make_set(const char *name, Size entry) {
  HASHCTL control{};
  control.keysize = sizeof(Place);
  control.entrysize = entry;
  control.hcxt = TopTransactionContext;
  return hash_create(name, 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

// Of a removal job and of holds on an organization: one waits for the other.
LOCKTAG removal_lock(const Uuid &organization) {
  LOCKTAG tag{};
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_relation(CatalogIndex::logging_settings_key),
                     hash_bytes(reinterpret_cast<const unsigned char *>(&organization), sizeof(organization)),
                     0);
  return tag;
}

constexpr LOCKMODE removing = RowExclusiveLock;
constexpr LOCKMODE holding = ShareLock;

bool is_being_removed_here(const Uuid &organization) {
  const LOCKTAG tag = removal_lock(organization);
  return lock_held_by_me(tag, removing);
}

bool has_new_hold(const CatalogRead &read, const Place &place) {
  const Uuid organization = organization_of(read, place);
  if (!organization || is_being_removed_here(organization)) return false;
  bool found = false;
  visit_settings(read, organization, place.workspace, [&](const CatalogScan &scan, HeapTuple tuple) {
    // One of this transaction came after its changes, or they would have been refused.
    if (strcmp(text_column(scan, tuple, attribute::logging_settings::setting), "legal_hold") == 0 &&
        !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
      found = true;
  });
  return found;
}

bool has_held_change() {
  if (changes == nullptr) return false;
  CatalogRead read = begin_catalog_read();
  HASH_SEQ_STATUS all;
  hash_seq_init(&all, changes);
  bool found = false;
  for (const void *entry = nullptr; !found && (entry = hash_seq_search(&all)) != nullptr;)
    found = has_new_hold(read, static_cast<const UnheldChange *>(entry)->place);
  if (found) hash_seq_term(&all);
  end_catalog_read(read);
  return found;
}

// Nobody knows any more whose the rows were.
bool has_held_table() {
  if (tables.holds == nullptr) return false;
  const PodArray<Hold> holds = list_holds(INT_MAX, true);
  return std::any_of(holds.span().begin(), holds.span().end(), [](const Hold &hold) {
    return hash_search(tables.holds, &hold, HASH_FIND, nullptr) == nullptr;
  });
}

// The rows that somebody sees who has set a hold are to stay.
void check_changes() {
  if (!has_catalog_index(CatalogIndex::logging_settings_key)) return;
  if (has_held_change() || has_held_table())
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
             errdetail("It was set while the transaction that has changed them was open."),
             errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    if (changes != nullptr || tables.holds != nullptr) check_changes();
  } else if (event != XACT_EVENT_PARALLEL_PRE_COMMIT) {
    changes = nullptr;
    tables = {};
  }
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId parent, void *) {
  if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB) return;
  if (tables.holds != nullptr && tables.subtransaction == ended) {
    if (event == SUBXACT_EVENT_COMMIT_SUB)
      tables.subtransaction = parent;
    else
      tables = {};
  }
  if (changes == nullptr) return;
  HASH_SEQ_STATUS all;
  hash_seq_init(&all, changes);
  for (void *entry = nullptr; (entry = hash_seq_search(&all)) != nullptr;) {
    auto *change = static_cast<UnheldChange *>(entry);
    if (change->subtransaction != ended) continue;
    if (event == SUBXACT_EVENT_COMMIT_SUB)
      change->subtransaction = parent;
    else
      hash_search(changes, &change->place, HASH_REMOVE, nullptr);
  }
}
}

}  // namespace

void note_unheld_change(const Place &place) {
  if (!place.organization && !place.workspace) return;
  if (changes == nullptr) changes = make_set("rows changed without a hold", sizeof(UnheldChange));
  bool is_there = false;
  auto *change = static_cast<UnheldChange *>(hash_search(changes, &place, HASH_ENTER, &is_there));
  if (!is_there) change->subtransaction = GetCurrentSubTransactionId();
}

void note_unheld_table(std::span<const Hold> holds) {
  HTAB *there = make_set("legal holds", sizeof(Hold));
  for (const Hold &hold : holds)
    if (tables.holds == nullptr || hash_search(tables.holds, &hold, HASH_FIND, nullptr) != nullptr)
      hash_search(there, &hold, HASH_ENTER, nullptr);
  if (tables.holds == nullptr)
    tables.subtransaction = GetCurrentSubTransactionId();
  else
    hash_destroy(tables.holds);
  tables.holds = there;
}

void register_unheld_changes() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

extern "C" {
// keep_holds_away(organization_id): until the end of the transaction; false where a hold is being set.
PG_FUNCTION_INFO_V1(pg_tenancy_keep_holds_away);
Datum pg_tenancy_keep_holds_away(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Uuid organization = uuid_of_datum(PG_GETARG_DATUM(0));
  // Earlier changes are judged now.
  check_changes();
  const LOCKTAG tag = removal_lock(organization);
  PG_RETURN_BOOL(LockAcquire(&tag, removing, false, true) != LOCKACQUIRE_NOT_AVAIL);
}

// BEFORE INSERT OR UPDATE of a hold: a removal that has found none goes first.
PG_FUNCTION_INFO_V1(pg_tenancy_wait_for_removal);
Datum pg_tenancy_wait_for_removal(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "wait_for_removal")));
  const auto &trigger = *reinterpret_cast<TriggerData *>(fcinfo->context);
  if (!TRIGGER_FIRED_FOR_ROW(trigger.tg_event) || !TRIGGER_FIRED_BEFORE(trigger.tg_event) ||
      TRIGGER_FIRED_BY_DELETE(trigger.tg_event) ||
      RelationGetRelid(trigger.tg_relation) != catalog_relation(CatalogIndex::logging_settings_key))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called for a logging setting", "wait_for_removal")));
  const HeapTuple row =
      TRIGGER_FIRED_BY_UPDATE(trigger.tg_event) ? trigger.tg_newtuple : trigger.tg_trigtuple;
  bool is_null = true;
  const Datum organization = heap_getattr(row, attribute::logging_settings::organization_id,
                                          RelationGetDescr(trigger.tg_relation), &is_null);
  if (!is_null) {
    const LOCKTAG tag = removal_lock(uuid_of_datum(organization));
    LockAcquire(&tag, holding, false, false);
  }
  return PointerGetDatum(row);
}
}

}  // namespace tenancy::pg
