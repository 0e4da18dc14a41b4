#include "pg/session/audit_queue.hpp"

#include <algorithm>

namespace tenancy::pg {
namespace {

constexpr int queue_length = 1024;
constexpr int most_databases = 64;
constexpr int most_actors = 512;
constexpr int probes = 8;
constexpr const char *tranche = "pg_tenancy_audit";
constexpr int64 minute = 60 * USECS_PER_SEC;
constexpr int64 longest_start = 10 * USECS_PER_SEC;

// A database with events, or with a worker.
struct Database {
  Oid oid;
  bool has_worker;
  bool is_starting;
  TimestampTz started_at;
  int64 dropped;  // events that found the queue full, and are in the log
};

// A refused actor, for a minute.
struct Actor {
  uint64 key;
  Oid database;
  TimestampTz since;
  int count;
  int64 suppressed;
};

struct Queue {
  uint64 seed;        // of actors' keys: who knows the keys of others must not know their places
  uint64 first, end;  // positions; an event's place is its position modulo the length
  Database databases[most_databases];
  Actor actors[most_actors];
  bool is_used[queue_length];  // else removed
  int attempts[queue_length];  // to write it
  AuditEvent events[queue_length];
};

Queue *queue = nullptr;
LWLock *lock = nullptr;
shmem_request_hook_type next_request = nullptr;
shmem_startup_hook_type next_startup = nullptr;

// Without shared memory, the session's own share.
Actor own_share{};

extern "C" {
static void request_memory() {
  if (next_request != nullptr) next_request();
  RequestAddinShmemSpace(sizeof(Queue));
  RequestNamedLWLockTranche(tranche, 1);
}

static void attach_memory() {
  if (next_startup != nullptr) next_startup();
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  queue = static_cast<Queue *>(ShmemInitStruct("pg_tenancy audit queue", sizeof(Queue), &found));
  if (!found) {
    memset(static_cast<void *>(queue), 0, sizeof(Queue));
    if (!pg_strong_random(&queue->seed, sizeof queue->seed))
      ereport(FATAL, (errmsg("could not generate a random seed for the queue of audit entries")));
  }
  lock = &GetNamedLWLockTranche(tranche)->lock;
  LWLockRelease(AddinShmemInitLock);
}
}

Database *database_named(Oid oid) {
  Database *unused = nullptr;
  for (Database &database : queue->databases) {
    if (database.oid == oid) return &database;
    if (unused == nullptr && (!OidIsValid(database.oid) || (!database.has_worker && database.dropped == 0)))
      unused = &database;
  }
  if (unused != nullptr) *unused = {oid, false, false, 0, 0};
  return unused;
}

AuditEvent &event_at(uint64 position) { return queue->events[position % queue_length]; }
bool &is_used(uint64 position) { return queue->is_used[position % queue_length]; }

void start_worker(Oid database) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  strlcpy(worker.bgw_library_name, "pg_tenancy", sizeof worker.bgw_library_name);
  strlcpy(worker.bgw_function_name, "pg_tenancy_audit_worker", sizeof worker.bgw_function_name);
  strlcpy(worker.bgw_name, "pg_tenancy audit writer", sizeof worker.bgw_name);
  strlcpy(worker.bgw_type, "pg_tenancy audit writer", sizeof worker.bgw_type);
  // Without a free slot, the next event tries again.
  if (!RegisterDynamicBackgroundWorker(&worker, nullptr)) end_audit_worker(database, true);
}

void write_to_log(const AuditEvent &event) {
  // The current context may be about to go.
  const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
  StringInfoData json;
  initStringInfo(&json);
  append_audit_event(&json, event);
  ereport(LOG_SERVER_ONLY, (errmsg("tenancy audit: %s", json.data), errhidestmt(true), errhidecontext(true)));
  pfree(json.data);
  MemoryContextSwitchTo(caller);
}

uint64 actor_key(const AuditEvent &event) {
  const auto hash = [](const void *bytes, size_t length, uint64 seed) {
    return DatumGetUInt64(
        hash_any_extended(static_cast<const unsigned char *>(bytes), static_cast<int>(length), seed));
  };
  uint64 key = hash(event.login, strlen(event.login), queue->seed ^ event.database);
  key = hash(event.address, strlen(event.address), key);
  key = hash(event.user.bytes.data(), event.user.bytes.size(), key);
  return hash(event.api_key.bytes.data(), event.api_key.bytes.size(), key);
}

// Another actor's place is taken only when that one's minute is over and reported. RETURNS nullptr where all
// are taken.
Actor *actor_named(uint64 key, Oid database, TimestampTz now) {
  Actor *place = nullptr;
  for (int i = 0; i < probes; i++) {
    Actor &actor = queue->actors[(key + static_cast<uint64>(i)) % most_actors];
    if (actor.key == key && actor.database == database) return &actor;
    if (place == nullptr && actor.suppressed == 0 && now - actor.since >= minute) place = &actor;
  }
  if (place != nullptr) *place = {key, database, now, 0, 0};
  return place;
}

bool takes_share(Actor &actor, TimestampTz now, int most_in_minute) {
  if (now - actor.since >= minute) {
    actor.since = now;
    actor.count = 0;
  }
  if (actor.count >= most_in_minute) {
    actor.suppressed++;
    return false;
  }
  actor.count++;
  return true;
}

void append_text(StringInfo json, const char *name, const char *value) {
  if (*value == '\0') return;
  appendStringInfo(json, "%s\"%s\": ", json->data[json->len - 1] == '{' ? "" : ", ", name);
  escape_json(json, value);
}

void append_time(StringInfo json, TimestampTz at) {
  pg_tm time{};
  fsec_t microseconds = 0;
  if (timestamp2tm(at, nullptr, &time, &microseconds, nullptr, nullptr) != 0) return;
  appendStringInfo(json, "\"at\": \"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", time.tm_year, time.tm_mon,
                   time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec, static_cast<int>(microseconds));
}

void append_id(StringInfo json, const char *name, const Uuid &id) {
  if (!id) return;
  char text[37];
  char *out = text;
  for (size_t i = 0; i < id.bytes.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    out += snprintf(out, 3, "%02x", id.bytes[i]);
  }
  append_text(json, name, text);
}

}  // namespace

void register_audit_queue() {
  if (!process_shared_preload_libraries_in_progress) return;
  next_request = shmem_request_hook;
  shmem_request_hook = request_memory;
  next_startup = shmem_startup_hook;
  shmem_startup_hook = attach_memory;
}

bool can_queue_audit_event() {
  if (queue == nullptr || RecoveryInProgress()) return false;
  LWLockAcquire(lock, LW_SHARED);
  const bool is_full = queue->end - queue->first >= queue_length;
  LWLockRelease(lock);
  return !is_full;
}

void put_audit_event(const AuditEvent &event) {
  if (queue == nullptr || RecoveryInProgress()) {
    write_to_log(event);
    return;
  }
  const TimestampTz now = GetCurrentTimestamp();
  bool starts = false;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  Database *database = database_named(event.database);
  const bool is_queued = database != nullptr && queue->end - queue->first < queue_length;
  if (is_queued) {
    event_at(queue->end) = event;
    is_used(queue->end) = true;
    queue->attempts[queue->end % queue_length] = 0;
    queue->end++;
  } else if (database != nullptr) {
    database->dropped++;
  }
  // Also where the queue is full: nobody else would empty it.
  if (database != nullptr)
    starts = !database->has_worker || (database->is_starting && now - database->started_at > longest_start);
  if (starts) {
    database->has_worker = database->is_starting = true;
    database->started_at = now;
  }
  LWLockRelease(lock);
  if (starts) start_worker(event.database);
  if (!is_queued) write_to_log(event);
}

void put_refusal(const AuditEvent &event, int most_in_minute) {
  const TimestampTz now = GetCurrentTimestamp();
  bool is_due = false, is_counted = true;
  if (queue == nullptr || RecoveryInProgress()) {
    is_due = takes_share(own_share, now, most_in_minute);
  } else {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Actor *actor = actor_named(actor_key(event), event.database, now);
    is_counted = actor != nullptr;
    is_due = is_counted && takes_share(*actor, now, most_in_minute);
    LWLockRelease(lock);
  }
  if (is_due) put_audit_event(event);
  if (!is_counted) write_to_log(event);
}

void append_audit_event(StringInfo json, const AuditEvent &event) {
  appendStringInfoChar(json, '{');
  append_time(json, event.at);
  append_id(json, "organization_id", event.organization);
  append_id(json, "workspace_id", event.workspace);
  append_id(json, "user_id", event.user);
  append_id(json, "api_key_id", event.api_key);
  append_text(json, "actor_kind", event.actor_kind);
  append_text(json, "login", event.login);
  append_text(json, "client_address", event.address);
  append_text(json, "action", event.action);
  append_text(json, "resource_type", event.resource_type);
  append_text(json, "resource_id", event.resource_id);
  append_text(json, "outcome", event.outcome);
  append_text(json, "request_id", event.request_id);
  append_text(json, "user_agent", event.user_agent);
  if (*event.details != '\0') appendStringInfo(json, ", \"after\": %s", event.details);
  appendStringInfoChar(json, '}');
}

int read_audit_events(Oid database, AuditEvent *events, int most) {
  constexpr int attempts_at_most = 3;
  AuditEvent failed;
  for (;;) {
    int count = 0;
    bool has_failed = false;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    if (Database *own = database_named(database); own != nullptr) own->is_starting = false;
    for (uint64 position = queue->first; position != queue->end && count < most && !has_failed; position++) {
      if (!is_used(position) || event_at(position).database != database) continue;
      // After a failure, alone: only the event that cannot be written loses its attempts.
      const bool is_retried = queue->attempts[position % queue_length] > 0;
      if (is_retried && count > 0) break;
      if (is_retried) most = 1;
      if (++queue->attempts[position % queue_length] > attempts_at_most) {
        failed = event_at(position);
        is_used(position) = false;
        has_failed = true;
      } else {
        events[count++] = event_at(position);
      }
    }
    LWLockRelease(lock);
    if (!has_failed) return count;
    write_to_log(failed);
  }
}

void remove_audit_events(Oid database, int count) {
  LWLockAcquire(lock, LW_EXCLUSIVE);
  for (uint64 position = queue->first; position != queue->end && count > 0; position++) {
    if (!is_used(position) || event_at(position).database != database) continue;
    is_used(position) = false;
    count--;
  }
  while (queue->first != queue->end && !is_used(queue->first)) queue->first++;
  LWLockRelease(lock);
}

bool take_suppressed(Oid database, AuditEvent *event) {
  int64 suppressed = 0, dropped = 0;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  for (Actor &actor : queue->actors)
    if (actor.database == database) {
      suppressed += actor.suppressed;
      actor.suppressed = 0;
    }
  if (Database *own = database_named(database); own != nullptr) {
    dropped = own->dropped;
    own->dropped = 0;
  }
  LWLockRelease(lock);
  if (suppressed == 0 && dropped == 0) return false;
  *event = {};
  event->database = database;
  event->at = GetCurrentTimestamp();
  strlcpy(event->actor_kind, "login", sizeof event->actor_kind);
  strlcpy(event->login, "pg_tenancy", sizeof event->login);
  strlcpy(event->action, "suppress", sizeof event->action);
  strlcpy(event->resource_type, "audit_log", sizeof event->resource_type);
  strlcpy(event->outcome, "success", sizeof event->outcome);
  snprintf(event->details, sizeof event->details,
           "{\"refusals\": " INT64_FORMAT ", \"only_in_server_log\": " INT64_FORMAT "}", suppressed, dropped);
  return true;
}

bool end_audit_worker(Oid database, bool even_with_events) {
  bool ends = true;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  if (!even_with_events)
    for (uint64 position = queue->first; position != queue->end; position++)
      if (is_used(position) && event_at(position).database == database) ends = false;
  if (ends)
    if (Database *own = database_named(database); own != nullptr) own->has_worker = own->is_starting = false;
  LWLockRelease(lock);
  return ends;
}

}  // namespace tenancy::pg
