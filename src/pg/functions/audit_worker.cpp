// The background worker that writes the entries of refusals and reads of one database, and ends when there
// are none. It is started by the session whose event finds none (session/audit_queue).

#include "pg/catalog/caller.hpp"
#include "pg/session/audit_queue.hpp"

namespace tenancy::pg {
namespace {

bool is_worker = false;
bool has_ended = false;  // in the queue, too: another worker may have begun

constexpr int events_at_once = 100;
constexpr long pause_milliseconds = 100;
constexpr int pauses_before_end = 10;

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

void write_events(const AuditEvent *events, int count) {
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
      append_audit_event(&json, events[i]);
    }
    appendStringInfoChar(&json, ']');
    OidFunctionCall1(writer, DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
}

// After an error as well: the next event must find no worker.
extern "C" {
static void worker_ends(int, Datum database) {
  if (!has_ended) end_audit_worker(DatumGetObjectId(database), true);
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
  before_shmem_exit(worker_ends, argument);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  is_worker = true;
  auto *events = static_cast<AuditEvent *>(palloc(sizeof(AuditEvent) * events_at_once));
  AuditEvent suppressed;
  for (int pauses = 0;;) {
    CHECK_FOR_INTERRUPTS();
    const int count = read_audit_events(database, events, events_at_once);
    if (count > 0) {
      // Written before they are removed: an error, which ends the worker, leaves them to the next one.
      write_events(events, count);
      remove_audit_events(database, count);
      pauses = 0;
      continue;
    }
    if (pauses++ < pauses_before_end) {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pause_milliseconds,
                PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
      continue;
    }
    if (take_suppressed(database, &suppressed)) write_events(&suppressed, 1);
    has_ended = end_audit_worker(database, false);
    if (has_ended) proc_exit(0);
    pauses = 0;
  }
}
}

}  // namespace tenancy::pg
