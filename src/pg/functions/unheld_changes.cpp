#include "pg/functions/unheld_changes.hpp"

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/functions/hold_locks.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace tenancy::pg {
namespace {

// Of a place, and the outermost subtransaction that has changed rows of it, or has removed its table.
struct UnheldChange {
  Place place;
  SubTransactionId subtransaction;
};

HTAB *changes = nullptr;

// Of tables whose rows went at once
struct UnheldTables {
  HTAB *places;  // organizations that had rows there; anybody(), where it is not known which
  HTAB *holds;   // those that there were at each removal of an organization's rows
};

UnheldTables tables{};

// Organizations whose holds this transaction sets.
HTAB *holds_set = nullptr;

constexpr Place anybody() { return {}; }

HTAB *make_set(const char *name, Size entry) {
  HASHCTL control{};
  control.keysize = sizeof(Place);
  control.entrysize = entry;
  control.hcxt = TopTransactionContext;
  return hash_create(name, 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

bool is_among(HTAB *set, const Place &place) {
  return set != nullptr && hash_search(set, &place, HASH_FIND, nullptr) != nullptr;
}

void note(HTAB **set, const char *name, const Place &place) {
  if (*set == nullptr) *set = make_set(name, sizeof(UnheldChange));
  bool is_there = false;
  auto *change = static_cast<UnheldChange *>(hash_search(*set, &place, HASH_ENTER, &is_there));
  if (!is_there) change->subtransaction = GetCurrentSubTransactionId();
}

template <typename Visit>
void visit_all(HTAB *set, Visit visit) {
  if (set == nullptr) return;
  HASH_SEQ_STATUS all;
  hash_seq_init(&all, set);
  for (void *entry = nullptr; (entry = hash_seq_search(&all)) != nullptr;) visit(entry);
}

// Those of one subtransaction, and of what was committed within it; InvalidSubTransactionId: all.
template <typename Visit>
void visit_changes(HTAB *set, SubTransactionId of, Visit visit) {
  visit_all(set, [&](const void *entry) {
    const auto *change = static_cast<const UnheldChange *>(entry);
    if (of == InvalidSubTransactionId || change->subtransaction == of) visit(change->place);
  });
}

PodArray<Uuid> organizations_in(HTAB *set) {
  PodArray<Uuid> organizations;
  visit_all(
      set, [&](const void *entry) { organizations.append(static_cast<const Place *>(entry)->organization); });
  return organizations;
}

// Of changed rows and removed tables, each once: one organization's rows can be in any number of places.
PodArray<Uuid> list_removals(SubTransactionId of) {
  HTAB *distinct = make_set("organizations of removals", sizeof(Place));
  const auto add = [&](const Uuid &organization) {
    const Place place{organization, {}};
    if (organization) hash_search(distinct, &place, HASH_ENTER, nullptr);
  };
  CatalogRead read = begin_catalog_read();
  visit_changes(changes, of, [&](const Place &place) { add(organization_of(read, place)); });
  end_catalog_read(read);
  visit_changes(tables.places, of, [&](const Place &place) { add(place.organization); });
  const PodArray<Uuid> organizations = organizations_in(distinct);
  hash_destroy(distinct);
  return organizations;
}

void lock_removals() {
  if (is_among(tables.places, anybody()))
    lock_removal_of_anybody();
  else
    lock_removal(list_removals(InvalidSubTransactionId).span());
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

bool has_held_change(SubTransactionId of) {
  CatalogRead read = begin_catalog_read();
  bool found = false;
  visit_changes(changes, of, [&](const Place &place) { found = found || has_new_hold(read, place); });
  end_catalog_read(read);
  return found;
}

bool is_in_tables(const Uuid &organization) {
  return is_among(tables.places, anybody()) || is_among(tables.places, {organization, {}});
}

bool has_held_table() {
  if (tables.places == nullptr) return false;
  const PodArray<Hold> holds = list_holds(INT_MAX, true);
  return std::any_of(holds.span().begin(), holds.span().end(), [](const Hold &hold) {
    return is_in_tables(hold.organization) && !is_among(tables.holds, hold);
  });
}

// The rows that somebody sees who has set a hold are to stay.
void check_changes(SubTransactionId of) {
  if (!has_catalog_index(CatalogIndex::logging_settings_key)) return;
  if ((changes != nullptr && has_held_change(of)) || has_held_table())
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
             errdetail("It was set while the transaction that has changed them was open."),
             errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

// As the COMMIT does it, but at once: what it would refuse is refused here.
void settle_changes(SubTransactionId of) {
  bool are_anybodys = false;
  visit_changes(tables.places, of, [&](const Place &place) { are_anybodys |= !place.organization; });
  // Every organization's holds would wait until the job ends.
  if (are_anybodys)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("a trigger has emptied a table of which it is not known whose rows it had")));
  const PodArray<Uuid> organizations = list_removals(of);
  const auto all = organizations.span();
  if (!std::all_of(all.begin(), all.end(), keep_holds_away))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("a legal hold is being committed that may keep rows changed by triggers")));
  check_changes(of);
}

// A subtransaction's notes become its parent's, or are dropped.
void end_subtransaction(HTAB *set, bool is_committed, SubTransactionId ended, SubTransactionId parent) {
  visit_all(set, [&](void *entry) {
    auto *change = static_cast<UnheldChange *>(entry);
    if (change->subtransaction != ended) return;
    if (is_committed)
      change->subtransaction = parent;
    else
      hash_search(set, &change->place, HASH_REMOVE, nullptr);
  });
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    if (changes == nullptr && tables.places == nullptr && holds_set == nullptr) return;
    if (!has_catalog_index(CatalogIndex::logging_settings_key)) return;
    lock_removals();
    lock_holds(organizations_in(holds_set).span());
    check_changes(InvalidSubTransactionId);
  } else if (event != XACT_EVENT_PARALLEL_PRE_COMMIT) {
    changes = nullptr;
    holds_set = nullptr;
    tables = {};
    forget_hold_locks();
  }
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId parent, void *) {
  if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB) return;
  const bool is_committed = event == SUBXACT_EVENT_COMMIT_SUB;
  end_subtransaction(changes, is_committed, ended, parent);
  end_subtransaction(tables.places, is_committed, ended, parent);
}
}

}  // namespace

void note_unheld_change(const Place &place) {
  if (place.organization || place.workspace) note(&changes, "rows changed without a hold", place);
}

void note_unheld_table(std::span<const Hold> holds, std::span<const Uuid> organizations, bool of_anybody) {
  // A hold that came, or came again, after rows of its organization had gone, is not what these were judged
  // by.
  HTAB *there = make_set("legal holds", sizeof(Hold));
  for (const Hold &hold : holds)
    if (!is_in_tables(hold.organization) || is_among(tables.holds, hold))
      hash_search(there, &hold, HASH_ENTER, nullptr);
  if (tables.holds != nullptr) hash_destroy(tables.holds);
  tables.holds = there;
  constexpr const char *name = "organizations of removed tables";
  if (of_anybody) note(&tables.places, name, anybody());
  for (const Uuid &organization : organizations) note(&tables.places, name, {organization, {}});
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
  PG_RETURN_BOOL(keep_holds_away(uuid_of_datum(PG_GETARG_DATUM(0))));
}

// settle_changes(): in a job, after code of a table's owner, whose triggers can have changed rows of anybody.
PG_FUNCTION_INFO_V1(pg_tenancy_settle_changes);
Datum pg_tenancy_settle_changes(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (changes != nullptr || tables.places != nullptr) settle_changes(GetCurrentSubTransactionId());
  PG_RETURN_VOID();
}

// The same in a job of the tables' owner.
PG_FUNCTION_INFO_V1(pg_tenancy_settle_own_changes);
Datum pg_tenancy_settle_own_changes(PG_FUNCTION_ARGS) {
  if (!has_bypassrls_privilege(GetUserId()))
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied for function %s", get_func_name(fcinfo->flinfo->fn_oid)),
                    errdetail("It is for jobs of a role that row security does not filter.")));
  if (changes != nullptr || tables.places != nullptr) settle_changes(GetCurrentSubTransactionId());
  PG_RETURN_VOID();
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
