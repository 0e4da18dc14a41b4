#include "pg/functions/unheld_changes.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

// Of a place, and the outermost subtransaction that has changed rows of it.
struct UnheldChange {
  Place place;
  SubTransactionId subtransaction;
};

HTAB *changes = nullptr;

bool has_new_hold(const CatalogRead &read, const Place &place) {
  const Uuid organization = organization_of(read, place);
  if (!organization) return false;
  ScanKeyData key;
  equals(&key, attribute::logging_settings::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::logging_settings_key, 1, &key);
  bool found = false;
  for (HeapTuple tuple; !found && HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Uuid workspace = uuid_column(scan, tuple, attribute::logging_settings::workspace_id);
    found = (!workspace || workspace == place.workspace) &&
            strcmp(text_column(scan, tuple, attribute::logging_settings::setting), "legal_hold") == 0 &&
            // One of this transaction came after its changes, or they would have been refused.
            !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
  }
  end_scan(scan);
  return found;
}

// The rows that somebody sees who has set a hold are to stay.
void check_changes() {
  if (changes == nullptr || !has_catalog_index(CatalogIndex::logging_settings_key)) return;
  CatalogRead read = begin_catalog_read();
  HASH_SEQ_STATUS all;
  hash_seq_init(&all, changes);
  bool found = false;
  for (const void *entry = nullptr; !found && (entry = hash_seq_search(&all)) != nullptr;)
    found = has_new_hold(read, static_cast<const UnheldChange *>(entry)->place);
  if (found) hash_seq_term(&all);
  end_catalog_read(read);
  if (found)
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
             errdetail("It was set while the transaction that has changed them was open."),
             errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    check_changes();
  } else if (event != XACT_EVENT_PARALLEL_PRE_COMMIT) {
    changes = nullptr;
  }
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId parent, void *) {
  if (changes == nullptr || (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)) return;
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
  if (changes == nullptr) {
    HASHCTL control{};
    control.keysize = sizeof(Place);
    control.entrysize = sizeof(UnheldChange);
    control.hcxt = TopTransactionContext;
    changes = hash_create("rows changed without a hold", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  bool is_there = false;
  auto *change = static_cast<UnheldChange *>(hash_search(changes, &place, HASH_ENTER, &is_there));
  if (!is_there) change->subtransaction = GetCurrentSubTransactionId();
}

void register_unheld_changes() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

}  // namespace tenancy::pg
