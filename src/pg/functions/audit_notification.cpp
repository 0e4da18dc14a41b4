#include "pg/functions/audit_notification.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/session/audit_queue.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

// Above this part of the server's queue a notification is dropped.
constexpr double fullest_queue = 0.9;

// The outermost subtransaction with an entry that is to be notified of; invalid: none.
struct {
  SubTransactionId subtransaction;
  char channel[NAMEDATALEN];
} noted{};

extern "C" {
// After COMMIT an error would end the server. The session may have no later moment: its client can leave it
// idle. So the worker is started here, too, which takes but a place in shared memory and a signal.
static void transaction_ends(XactEvent event, void *) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
  const bool is_due = event == XACT_EVENT_COMMIT && noted.subtransaction != InvalidSubTransactionId;
  noted.subtransaction = InvalidSubTransactionId;
  if (is_due) request_audit_notification(noted.channel);
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId parent, void *) {
  if (noted.subtransaction != ended) return;
  if (event == SUBXACT_EVENT_COMMIT_SUB) noted.subtransaction = parent;
  if (event == SUBXACT_EVENT_ABORT_SUB) noted.subtransaction = InvalidSubTransactionId;
}
}

// The lock that each COMMIT with notifications takes (PreCommit_Notify()): whoever has it doesn't wait there.
bool try_lock_queue() {
  LOCKTAG tag{};
  SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, InvalidOid, 0);
  return LockAcquire(&tag, AccessExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

// Exact while the queue is locked.
bool has_room() { return DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) <= fullest_queue; }

}  // namespace

bool send_audit_notifications(Oid database) {
  if (!has_audit_notifications(database)) return false;
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  const bool is_locked = try_lock_queue();
  if (is_locked) {
    AuditChannel channels[most_audit_channels];
    // Taken before they are sent: an error, which ends the worker, must not have the next one end as well.
    const int count = take_audit_notifications(database, channels);
    if (has_room())
      for (int i = 0; i < count; i++) Async_Notify(channels[i].name, "");
  }
  CommitTransactionCommand();
  return is_locked;
}

void register_audit_notifications() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

extern "C" {
// request_audit_notification()
PG_FUNCTION_INFO_V1(pg_tenancy_request_audit_notification);
Datum pg_tenancy_request_audit_notification(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (noted.subtransaction == InvalidSubTransactionId && *configuration.audit_channel != '\0') {
    strlcpy(noted.channel, configuration.audit_channel, sizeof noted.channel);
    noted.subtransaction = GetCurrentSubTransactionId();
  }
  return 0;
}
}

}  // namespace tenancy::pg
