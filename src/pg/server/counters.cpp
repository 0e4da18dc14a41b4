#include "pg/server/counters.hpp"

#include "pg/server/result_rows.hpp"

namespace tenancy::pg {

uint64 counted[counters];

namespace {

// In the order of Counter.
constexpr const char *counter_names[counters] = {
    "resolutions",    "cache_hits",   "specializations",  "guard_refusals",    "invalidations",
    "denied_api_key", "denied_token", "denied_user",      "denied_permission", "denied_anonymous",
    "runs_checked",   "rows_checked", "derived_rows_read"};

struct ServerCounters {
  pg_atomic_uint64 sums[counters];
};

struct {
  ServerCounters *server;  // nullptr if the module isn't preloaded
  uint64 added[counters];  // this backend's part of the server's sums
  shmem_request_hook_type request_before;
  shmem_startup_hook_type startup_before;
} state{};

void add_to_server() {
  for (int i = 0; i < counters; i++) {
    if (counted[i] == state.added[i]) continue;
    pg_atomic_fetch_add_u64(&state.server->sums[i], static_cast<int64>(counted[i] - state.added[i]));
    state.added[i] = counted[i];
  }
}

extern "C" {
static void request_memory() {
  if (state.request_before != nullptr) state.request_before();
  RequestAddinShmemSpace(sizeof(ServerCounters));
}

static void find_memory() {
  if (state.startup_before != nullptr) state.startup_before();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found = false;
  state.server =
      static_cast<ServerCounters *>(ShmemInitStruct("pg_tenancy counters", sizeof(ServerCounters), &found));
  if (!found)
    for (pg_atomic_uint64 &sum : state.server->sums) pg_atomic_init_u64(&sum, 0);
  LWLockRelease(AddinShmemInitLock);
}

static void transaction_ended(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_PREPARE:
      add_to_server();
      break;
    default:
      break;
  }
}
}

}  // namespace

void register_counters() {
  if (!process_shared_preload_libraries_in_progress) return;
  state.request_before = shmem_request_hook;
  shmem_request_hook = request_memory;
  state.startup_before = shmem_startup_hook;
  shmem_startup_hook = find_memory;
  RegisterXactCallback(transaction_ended, nullptr);
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_stats);
Datum pg_tenancy_stats(PG_FUNCTION_ARGS) {
  ResultRows rows(fcinfo);
  for (int i = 0; i < counters; i++) {
    rows.add_text(counter_names[i]);
    rows.add(Int64GetDatum(static_cast<int64>(counted[i])));
    if (state.server == nullptr)
      rows.add_null();
    else
      rows.add(Int64GetDatum(
          static_cast<int64>(pg_atomic_read_u64(&state.server->sums[i]) + counted[i] - state.added[i])));
    rows.end_row();
  }
  return 0;
}
}

}  // namespace tenancy::pg
