// The background worker that stores when API keys of one database were used, and ends. A session starts one,
// at most once a minute (session/key_use).

#include "pg/catalog/caller.hpp"
#include "pg/functions/worker_settings.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/key_use.hpp"

namespace tenancy::pg {
namespace {

constexpr int uses_at_once = 256;

// A schema of that name could be anybody's, and a worker is a superuser.
Oid find_writer() {
  const Oid extension = get_extension_oid("pg_tenancy", true);
  const Oid schema = get_namespace_oid("tenancy_internal", true);
  if (!OidIsValid(extension) || !OidIsValid(schema)) return InvalidOid;
  const Oid arguments[] = {UUIDARRAYOID, TIMESTAMPTZARRAYOID};
  const Oid function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("store_key_uses"),
                                       PointerGetDatum(buildoidvector(arguments, lengthof(arguments))),
                                       ObjectIdGetDatum(schema));
  return OidIsValid(function) && getExtensionOfObject(ProcedureRelationId, function) == extension
             ? function
             : InvalidOid;
}

void store(const KeyUse *uses, int count) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  if (const Oid writer = find_writer(); OidIsValid(writer)) {
    auto *keys = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<size_t>(count)));
    auto *times = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<size_t>(count)));
    for (int i = 0; i < count; i++) {
      keys[i] = uuid_datum(uses[i].key);
      times[i] = TimestampTzGetDatum(uses[i].used_at);
    }
    OidFunctionCall2(writer,
                     PointerGetDatum(construct_array(keys, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)),
                     PointerGetDatum(construct_array(times, count, TIMESTAMPTZOID, sizeof(TimestampTz),
                                                     FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_noted_key_use);
Datum pg_tenancy_noted_key_use(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const TimestampTz used_at = noted_key_use(uuid_of_datum(PG_GETARG_DATUM(0)));
  if (used_at == DT_NOBEGIN) PG_RETURN_NULL();
  PG_RETURN_TIMESTAMPTZ(used_at);
}

// Found by name, where PostgreSQL hides what isn't said to be exported.
PGDLLEXPORT void pg_tenancy_key_use_worker(Datum argument);
void pg_tenancy_key_use_worker(Datum argument) {
  const Oid database = DatumGetObjectId(argument);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  override_settings();
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  auto *uses = static_cast<KeyUse *>(MemoryContextAlloc(TopMemoryContext, sizeof(KeyUse) * uses_at_once));
  // Stored before they count as such: an error leaves them to the next worker.
  for (int count = uses_at_once; count == uses_at_once;) {
    CHECK_FOR_INTERRUPTS();
    count = unstored_key_uses(database, uses, uses_at_once);
    if (count == 0) break;
    store(uses, count);
    key_uses_are_stored(uses, count);
  }
  proc_exit(0);
}
}

}  // namespace tenancy::pg
