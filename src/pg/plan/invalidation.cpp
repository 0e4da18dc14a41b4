#include "pg/plan/invalidation.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/plan_cache.hpp"
#include "pg/plan/run_check.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/counters.hpp"

namespace tenancy::pg {
namespace {

// Plans were dropped in this transaction: one that was being made meanwhile enters the cache after that.
bool dropped_in_transaction = false;

bool is_subscribed_list(Oid relation) {
  for (const IdList list : {IdList::workspaces, IdList::user_keys})
    if (is_subscribed(list) && is_known_index(index_of(list), relation)) return true;
  return false;
}

// Counter -> plans.
void generation_moved(Change change, const PrincipalTexts *next) {
  switch (change) {
    case Change::catalogs:
      count(Counter::invalidations);
      dropped_in_transaction = true;
      arm_running_shared_scans();
      drop_specialized_plans();
      break;
    case Change::parameters:
      arm_running_scans();
      drop_specialized_plans();
      break;
    case Change::principal:
      arm_running_scans();
      drop_plans_with(Guard::plan);
      keep_or_drop_shared_plans(*next);
      break;
  }
}

extern "C" {
// Notification -> counter.
static void relation_invalidated(Datum, Oid relation) {
  notification_received();
  // InvalidOid: the queue overflowed, and anything may have changed.
  if (!OidIsValid(relation) || is_catalog_relation(relation) || is_subscribed_list(relation))
    definitions_changed();
  else if (is_topic(relation) && topic_notification_received(topic_of(relation)))
    catalogs_changed();
}

// Somebody may have become a DBA, or no longer be one.
static void memberships_changed(Datum, SyscacheNumber, uint32) { drop_specialized_plans(); }

static void transaction_ended(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PREPARE:
      if (dropped_in_transaction) drop_specialized_plans();
      dropped_in_transaction = false;
      break;
    default:
      break;
  }
}
}

}  // namespace

void register_invalidation() {
  observe_generations(generation_moved);
  CacheRegisterRelcacheCallback(relation_invalidated, Datum(0));
  CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, memberships_changed, Datum(0));
  RegisterXactCallback(transaction_ended, nullptr);
}

void drop_specialized_plans() {
  drop_plans_with(Guard::plan);
  drop_shared_plans();
}

}  // namespace tenancy::pg
