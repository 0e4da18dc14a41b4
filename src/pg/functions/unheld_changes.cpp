#include "pg/functions/unheld_changes.hpp"

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"

extern "C" {
#include "common/hashfn.h"
#include "storage/lock.h"
#include "storage/proc.h"
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
  HTAB *holds;          // nullptr: no table
  HTAB *organizations;  // those that had rows there
  bool of_anybody;      // it is not known which these are
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

// Organizations whose holds this transaction sets.
HTAB *holds_set = nullptr;

// How many organizations a job has kept holds away from in this transaction
int jobs_locks = 0;

// Removals and holds wait for each other as they are committed: whoever sets a hold and sees a row then,
// keeps it. A job lets holds wait from its beginning. A commit can be made to last, by temporary tables or
// notifications: one tenant's must not keep others waiting. So there is a lock for each organization, and a
// removal, which may have locked tables that everybody reads, waits for a moment only.
constexpr LOCKMODE committing_removal = RowExclusiveLock;
constexpr LOCKMODE committing_hold = ShareLock;
constexpr LOCKMODE removing_by_job = ShareUpdateExclusiveLock;
constexpr int removal_waits_ms = 1000;
constexpr int hold_waits_ms = 30'000;
// More organizations are locked together.
constexpr int most_locks = 256;

LOCKTAG lock_tag(uint32 number, uint16 part) {
  LOCKTAG tag{};
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_relation(CatalogIndex::logging_settings_key), number, part);
  return tag;
}

LOCKTAG lock_of_all() { return lock_tag(0, 0); }

LOCKTAG lock_of(const Uuid &organization) {
  const uint64 hash =
      hash_bytes_extended(reinterpret_cast<const unsigned char *>(&organization), sizeof(organization), 0);
  return lock_tag(static_cast<uint32>(hash), static_cast<uint16>((hash >> 32 & 0x7fff) + 1));
}

bool try_lock(const LOCKTAG &tag, LOCKMODE mode) {
  return LockAcquire(&tag, mode, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void lock_for_removal(const LOCKTAG &tag) {
  if (lock_held_by_me(tag, removing_by_job)) return;
  constexpr int pause_ms = 10;
  for (int waited = 0; !try_lock(tag, committing_removal); waited += pause_ms) {
    if (waited >= removal_waits_ms)
      ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                      errmsg("a legal hold is being committed that may keep these rows"),
                      errhint("Repeat the transaction once the hold is set.")));
    CHECK_FOR_INTERRUPTS();
    pg_usleep(pause_ms * 1000L);
  }
}

template <typename Visit>
void visit_all(HTAB *set, Visit visit) {
  if (set == nullptr) return;
  HASH_SEQ_STATUS all;
  hash_seq_init(&all, set);
  for (const void *entry = nullptr; (entry = hash_seq_search(&all)) != nullptr;) visit(entry);
}

// Organizations of changed rows and removed tables; of_anybody where they are too many.
bool list_removals(PodArray<Uuid> *organizations) {
  bool of_anybody = tables.of_anybody;
  const auto add = [&](const Uuid &organization) {
    if (!organization) return;
    if (organizations->count < most_locks)
      organizations->append(organization);
    else
      of_anybody = true;
  };
  CatalogRead read = begin_catalog_read();
  visit_all(changes, [&](const void *entry) {
    add(organization_of(read, static_cast<const UnheldChange *>(entry)->place));
  });
  end_catalog_read(read);
  visit_all(tables.organizations,
            [&](const void *entry) { add(static_cast<const Place *>(entry)->organization); });
  return of_anybody;
}

void lock_removals() {
  PodArray<Uuid> organizations;
  if (list_removals(&organizations))
    lock_for_removal(lock_of_all());
  else
    for (const Uuid &organization : organizations.span()) lock_for_removal(lock_of(organization));
}

extern "C" {
static void wait_for_removals(void *) {
  const LOCKTAG all = lock_of_all();
  LockAcquire(&all, committing_hold, false, false);
  visit_all(holds_set, [&](const void *entry) {
    const LOCKTAG tag = lock_of(static_cast<const Place *>(entry)->organization);
    LockAcquire(&tag, committing_hold, false, false);
  });
}

static void restore_timeout(void *former) { LockTimeout = *static_cast<int *>(former); }
}

void lock_holds() {
  if (holds_set == nullptr) return;
  int former = LockTimeout;
  if (former == 0 || former > hold_waits_ms) LockTimeout = hold_waits_ms;
  run_with_cleanup(wait_for_removals, restore_timeout, &former);
}

bool has_new_hold(const CatalogRead &read, const Place &place) {
  const Uuid organization = organization_of(read, place);
  if (!organization) return false;
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
  CatalogRead read = begin_catalog_read();
  bool found = false;
  visit_all(changes, [&](const void *entry) {
    found = found || has_new_hold(read, static_cast<const UnheldChange *>(entry)->place);
  });
  end_catalog_read(read);
  return found;
}

bool is_among(HTAB *set, const Place &place) {
  return hash_search(set, &place, HASH_FIND, nullptr) != nullptr;
}

bool has_held_table() {
  if (tables.holds == nullptr) return false;
  const PodArray<Hold> holds = list_holds(INT_MAX, true);
  return std::any_of(holds.span().begin(), holds.span().end(), [](const Hold &hold) {
    return (tables.of_anybody || is_among(tables.organizations, {hold.organization, {}})) &&
           !is_among(tables.holds, hold);
  });
}

// The rows that somebody sees who has set a hold are to stay.
void check_changes() {
  if (!has_catalog_index(CatalogIndex::logging_settings_key)) return;
  if ((changes != nullptr && has_held_change()) || has_held_table())
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
             errdetail("It was set while the transaction that has changed them was open."),
             errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    if (changes == nullptr && tables.holds == nullptr && holds_set == nullptr) return;
    if (!has_catalog_index(CatalogIndex::logging_settings_key)) return;
    lock_removals();
    lock_holds();
    check_changes();
  } else if (event != XACT_EVENT_PARALLEL_PRE_COMMIT) {
    changes = nullptr;
    holds_set = nullptr;
    jobs_locks = 0;
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

void note_unheld_table(std::span<const Hold> holds, std::span<const Uuid> organizations, bool of_anybody) {
  if (organizations.empty() && !of_anybody) return;
  HTAB *there = make_set("legal holds", sizeof(Hold));
  for (const Hold &hold : holds)
    if (tables.holds == nullptr || is_among(tables.holds, hold))
      hash_search(there, &hold, HASH_ENTER, nullptr);
  if (tables.holds == nullptr) {
    tables.subtransaction = GetCurrentSubTransactionId();
    tables.organizations = make_set("organizations of removed tables", sizeof(Place));
  } else {
    hash_destroy(tables.holds);
  }
  tables.holds = there;
  tables.of_anybody = tables.of_anybody || of_anybody;
  for (const Uuid &organization : organizations) {
    const Place place{organization, {}};
    hash_search(tables.organizations, &place, HASH_ENTER, nullptr);
  }
}

void register_unheld_changes() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

extern "C" {
// keep_holds_away(organization_id): until the end of the transaction; false where one is being committed.
PG_FUNCTION_INFO_V1(pg_tenancy_keep_holds_away);
Datum pg_tenancy_keep_holds_away(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const bool is_one_of_many = ++jobs_locks > most_locks;
  PG_RETURN_BOOL(
      try_lock(is_one_of_many ? lock_of_all() : lock_of(uuid_of_datum(PG_GETARG_DATUM(0))), removing_by_job));
}

// BEFORE INSERT OR UPDATE of a hold: as it is committed, a removal that has found none goes first.
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
    if (holds_set == nullptr) holds_set = make_set("holds that are set", sizeof(Place));
    const Place place{uuid_of_datum(organization), {}};
    hash_search(holds_set, &place, HASH_ENTER, nullptr);
  }
  return PointerGetDatum(row);
}
}

}  // namespace tenancy::pg
