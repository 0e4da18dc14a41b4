#include "pg/session/key_use.hpp"

#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

constexpr int place_count = 2048;
constexpr int probes = 8;
constexpr int most_databases = 64;
constexpr const char *tranche = "pg_tenancy_key_use";

struct Place {
  KeyUse use;
  bool is_stored;
};

struct Database {
  Oid oid;
  TimestampTz started_at;  // its last worker
};

struct Memory {
  Place places[place_count];
  Database databases[most_databases];
};

Memory *memory = nullptr;
LWLock *lock = nullptr;
shmem_request_hook_type next_request = nullptr;
shmem_startup_hook_type next_startup = nullptr;

extern "C" {
static void request_memory() {
  if (next_request != nullptr) next_request();
  RequestAddinShmemSpace(sizeof(Memory));
  RequestNamedLWLockTranche(tranche, 1);
}

static void attach_memory() {
  if (next_startup != nullptr) next_startup();
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  memory = static_cast<Memory *>(ShmemInitStruct("pg_tenancy key use", sizeof(Memory), &found));
  if (!found) memset(static_cast<void *>(memory), 0, sizeof(Memory));
  lock = &GetNamedLWLockTranche(tranche)->lock;
  LWLockRelease(AddinShmemInitLock);
}
}

bool is_of(const Place &place, Oid database, const Uuid &key) {
  return place.use.database == database && place.use.key == key;
}

Place &place_at(Oid database, const Uuid &key, int probe) {
  const uint32 hash =
      hash_bytes(key.bytes.data(), static_cast<int>(key.bytes.size())) ^ static_cast<uint32>(database);
  return memory->places[(hash + static_cast<uint32>(probe)) % place_count];
}

Place *find_place(Oid database, const Uuid &key) {
  for (int probe = 0; probe < probes; probe++)
    if (Place &place = place_at(database, key, probe); is_of(place, database, key)) return &place;
  return nullptr;
}

// Another key's place only once that one's use is stored.
Place *take_place(Oid database, const Uuid &key) {
  Place *oldest = nullptr;
  for (int probe = 0; probe < probes; probe++) {
    Place &place = place_at(database, key, probe);
    if (!OidIsValid(place.use.database)) return &place;
    if (place.is_stored && (oldest == nullptr || place.use.used_at < oldest->use.used_at)) oldest = &place;
  }
  return oldest;
}

// One a minute, whatever becomes of it.
bool starts_worker(Oid oid, TimestampTz now) {
  Database *oldest = &memory->databases[0];
  for (Database &database : memory->databases) {
    if (database.oid == oid) {
      if (now - database.started_at < USECS_PER_MINUTE) return false;
      database.started_at = now;
      return true;
    }
    if (database.started_at < oldest->started_at) oldest = &database;
  }
  *oldest = {oid, now};
  return true;
}

void start_worker(Oid database) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  strlcpy(worker.bgw_library_name, "pg_tenancy", sizeof worker.bgw_library_name);
  strlcpy(worker.bgw_function_name, "pg_tenancy_key_use_worker", sizeof worker.bgw_function_name);
  strlcpy(worker.bgw_name, "pg_tenancy key use writer", sizeof worker.bgw_name);
  strlcpy(worker.bgw_type, "pg_tenancy key use writer", sizeof worker.bgw_type);
  // Without a free slot, another use tries again.
  RegisterDynamicBackgroundWorker(&worker, nullptr);
}

}  // namespace

void register_key_use() {
  if (!process_shared_preload_libraries_in_progress) return;
  next_request = shmem_request_hook;
  shmem_request_hook = request_memory;
  next_startup = shmem_startup_hook;
  shmem_startup_hook = attach_memory;
}

void note_key_use(const Uuid &key) {
  if (memory == nullptr || !configuration.track_key_use || RecoveryInProgress() || IsParallelWorker()) return;
  const TimestampTz now = GetCurrentTimestamp();
  const TimestampTz used_at = now - now % USECS_PER_MINUTE;
  bool starts = false;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  Place *place = find_place(MyDatabaseId, key);
  if (place == nullptr) {
    place = take_place(MyDatabaseId, key);
    if (place != nullptr) *place = {{MyDatabaseId, key, DT_NOBEGIN}, true};
  }
  if (place != nullptr && place->use.used_at < used_at) {
    place->use.used_at = used_at;
    place->is_stored = false;
  }
  starts = starts_worker(MyDatabaseId, now);
  LWLockRelease(lock);
  if (starts) start_worker(MyDatabaseId);
}

TimestampTz noted_key_use(const Uuid &key) {
  if (memory == nullptr) return DT_NOBEGIN;
  LWLockAcquire(lock, LW_SHARED);
  const Place *place = find_place(MyDatabaseId, key);
  const TimestampTz used_at = place == nullptr ? DT_NOBEGIN : place->use.used_at;
  LWLockRelease(lock);
  return used_at;
}

int unstored_key_uses(Oid database, KeyUse *uses, int most) {
  int count = 0;
  LWLockAcquire(lock, LW_SHARED);
  for (const Place &place : memory->places)
    if (count < most && place.use.database == database && !place.is_stored) uses[count++] = place.use;
  LWLockRelease(lock);
  return count;
}

void key_uses_are_stored(const KeyUse *uses, int count) {
  LWLockAcquire(lock, LW_EXCLUSIVE);
  for (int i = 0; i < count; i++)
    if (Place *place = find_place(uses[i].database, uses[i].key);
        place != nullptr && place->use.used_at == uses[i].used_at)
      place->is_stored = true;
  LWLockRelease(lock);
}

}  // namespace tenancy::pg
