// The background worker that writes the entries of refusals and reads of one database, and notifies of
// entries. It ends when there is nothing to do, and is started by the session whose event or commit finds
// none (session/audit_queue).

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/functions/audit_notification.hpp"
#include "pg/functions/worker_settings.hpp"
#include "pg/session/audit_queue.hpp"

namespace tenancy::pg {
namespace {

bool is_worker = false;
bool has_ended = false;  // in the queue, too: another worker may have begun

constexpr int events_at_once = 100;
constexpr long pause_milliseconds = 100;
constexpr int pauses_before_end = 10;

// Hashes of entries need UTF-8, to which not every text of other encodings can be converted.
void keep_convertible(char *text, Oid conversion) {
  unsigned char converted[4 * sizeof AuditEvent::user_agent];
  const auto length = static_cast<int>(strlen(text));
  static_assert(sizeof AuditEvent::user_agent >= sizeof AuditEvent::details);
  if (!pg_is_ascii(text) && pg_do_encoding_conversion_buf(conversion, GetDatabaseEncoding(), PG_UTF8,
                                                          reinterpret_cast<unsigned char *>(text), length,
                                                          converted, sizeof converted, true) < length)
    std::replace_if(
        text, text + length, [](char c) { return IS_HIGHBIT_SET(c); }, '?');
}

void keep_convertible(AuditEvent &event) {
  const int encoding = GetDatabaseEncoding();
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) return;
  const Oid conversion = FindDefaultConversionProc(encoding, PG_UTF8);
  if (!OidIsValid(conversion)) return;
  for (char *text : {event.login, event.action, event.resource_type, event.resource_id, event.details,
                     event.request_id, event.user_agent})
    keep_convertible(text, conversion);
}

// A schema of that name could be anybody's, and a worker is a superuser.
Oid find_writer() {
  const Oid extension = get_extension_oid("pg_tenancy", true);
  const Oid schema = get_namespace_oid("tenancy_internal", true);
  if (!OidIsValid(extension) || !OidIsValid(schema)) return InvalidOid;
  Oid argument = JSONBOID;
  const oidvector *arguments = buildoidvector(&argument, 1);
  const Oid function =
      GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("write_audit_events"),
                      PointerGetDatum(arguments), ObjectIdGetDatum(schema));
  return OidIsValid(function) && getExtensionOfObject(ProcedureRelationId, function) == extension
             ? function
             : InvalidOid;
}

void write_events(AuditEvent *events, int count) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  // Without the extension there is nobody to whom they would matter.
  if (const Oid writer = find_writer(); OidIsValid(writer)) {
    StringInfoData json;
    initStringInfo(&json);
    appendStringInfoChar(&json, '[');
    for (int i = 0; i < count; i++) {
      if (i > 0) appendStringInfoChar(&json, ',');
      keep_convertible(events[i]);
      append_audit_event(&json, events[i]);
    }
    appendStringInfoChar(&json, ']');
    OidFunctionCall1(writer, DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
}

extern "C" {
static void worker_ends(int, Datum database) {
  if (!has_ended) audit_worker_failed(DatumGetObjectId(database));
}
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_is_audit_writer);
Datum pg_tenancy_is_audit_writer(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(is_worker);
}

PGDLLEXPORT void pg_tenancy_audit_worker(Datum argument);
void pg_tenancy_audit_worker(Datum argument) {
  const Oid database = DatumGetObjectId(argument);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  if (!begin_audit_worker(database)) proc_exit(0);
  before_shmem_exit(worker_ends, argument);
  override_settings();
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  is_worker = true;
  auto *events = static_cast<AuditEvent *>(palloc(sizeof(AuditEvent) * events_at_once));
  uint64 numbers[events_at_once];
  for (int pauses = 0;;) {
    CHECK_FOR_INTERRUPTS();
    const int count = read_audit_events(database, events, numbers, events_at_once);
    if (count > 0) {
      // Written before they are removed: an error, which ends the worker, leaves them to the next one.
      write_events(events, count);
      remove_audit_events(database, numbers, count);
    }
    const bool has_notified = send_audit_notifications(database);
    if (count > 0 || has_notified) pauses = 0;
    if (count > 0) continue;
    if (pauses++ >= pauses_before_end && end_audit_worker(database)) {
      has_ended = true;
      proc_exit(0);
    }
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pause_milliseconds,
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
}
}

}  // namespace tenancy::pg
