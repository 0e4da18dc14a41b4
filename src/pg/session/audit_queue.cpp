#include "pg/session/audit_queue.hpp"

#include <algorithm>

#include "pg/session/audit_actors.hpp"

namespace tenancy::pg {
namespace {

constexpr int queue_length = 1024;
constexpr int most_databases = 64;
constexpr const char *tranche = "pg_tenancy_audit";
constexpr int64 longest_start = 10 * USECS_PER_SEC;
constexpr int most_attempts = 3;
constexpr int most_failed_starts = 5;

// A database with events, counts, channels to notify, or a worker.
struct Database {
  Oid oid;
  int worker;        // its process; 0: none
  bool is_starting;  // a worker, since `started_at`
  TimestampTz started_at;
  int failed_starts;  // since events were last read
  int events;
  bool has_counts;        // of actors, or these:
  AuditActor unassigned;  // what was counted of actors without a place
  int channel_count;
  AuditChannel channels[most_audit_channels];
};

// The place of an event, apart from the events: all of them are looked through for each one.
struct Slot {
  uint64 number;  // in order; 0: free
  Oid database;
  int attempts;  // to write it
  AuditKeys keys;
};

struct Queue {
  uint64 seed;
  uint64 last_number;
  Database databases[most_databases];
  AuditActors actors;
  Slot slots[queue_length];
  AuditEvent events[queue_length];
};

Queue *queue = nullptr;
LWLock *lock = nullptr;
shmem_request_hook_type next_request = nullptr;
shmem_startup_hook_type next_startup = nullptr;

// Without shared memory, the session's own share.
AuditActor own_share{};

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

bool has_work(const Database &database) {
  return database.events > 0 || database.has_counts || database.channel_count > 0;
}

bool is_unused(const Database &database) {
  return !OidIsValid(database.oid) || (database.worker == 0 && !database.is_starting && !has_work(database));
}

Database *database_named(Oid oid) {
  Database *unused = nullptr;
  for (Database &database : queue->databases) {
    if (database.oid == oid) return &database;
    if (unused == nullptr && is_unused(database)) unused = &database;
  }
  if (unused == nullptr) return nullptr;
  *unused = {};
  unused->oid = unused->unassigned.database = oid;
  unused->unassigned.is_several = true;
  return unused;
}

bool has_place_for(Oid oid) {
  return std::any_of(std::begin(queue->databases), std::end(queue->databases),
                     [oid](const Database &database) { return database.oid == oid || is_unused(database); });
}

// --- shares

struct Load {
  int free;
  int of_database;
  int of_group;
  int of_actor;
  Slot *slot;  // a free one
};

Load load_for(const AuditEvent &event, const AuditKeys &keys) {
  Load load{};
  for (Slot &slot : queue->slots) {
    if (slot.number == 0) {
      load.free++;
      load.slot = &slot;
    } else if (slot.database == event.database) {
      load.of_database++;
      if (slot.keys.group == keys.group) load.of_group++;
      if (slot.keys.actor == keys.actor) load.of_actor++;
    }
  }
  return load;
}

// Nobody may have more than is left: so there is always something left for who has nothing yet. An actor can
// have a fifth of the queue, an organization a third, a database half of it. The first event of an
// organization is admitted beyond its database's share.
bool admits(const Load &load) {
  if (load.slot == nullptr || load.of_actor * 4 >= load.free || load.of_group * 2 >= load.free) return false;
  return load.of_database < load.free || (load.of_group == 0 && load.free > queue_length / 8);
}

void fill(Slot &slot, Database &database, const AuditKeys &keys, const AuditEvent &event) {
  slot = {++queue->last_number, event.database, 0, keys};
  queue->events[&slot - queue->slots] = event;
  database.events++;
}

void free_slot(Slot &slot, Database *database) {
  slot.number = 0;
  if (database != nullptr) database->events--;
}

AuditActor &actor_of(const AuditEvent &event, const AuditKeys &keys, Database &database, TimestampTz now) {
  AuditActor displaced{};
  AuditActor *actor = queue->actors.find(event, keys, now, &displaced);
  if (displaced.suppressed > 0 || displaced.dropped > 0)
    if (Database *its = database_named(displaced.database); its != nullptr) {
      its->unassigned.suppressed += displaced.suppressed;
      its->unassigned.dropped += displaced.dropped;
      its->has_counts = true;
    }
  return actor != nullptr ? *actor : database.unassigned;
}

// --- workers

void start_worker(Oid database) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = audit_restart_seconds;
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  strlcpy(worker.bgw_library_name, "pg_tenancy", sizeof worker.bgw_library_name);
  strlcpy(worker.bgw_function_name, "pg_tenancy_audit_worker", sizeof worker.bgw_function_name);
  strlcpy(worker.bgw_name, "pg_tenancy audit writer", sizeof worker.bgw_name);
  strlcpy(worker.bgw_type, "pg_tenancy audit writer", sizeof worker.bgw_type);
  if (RegisterDynamicBackgroundWorker(&worker, nullptr)) return;
  // Without a free slot of the server, a later event tries again.
  LWLockAcquire(lock, LW_EXCLUSIVE);
  if (Database *own = database_named(database); own != nullptr) own->is_starting = false;
  LWLockRelease(lock);
}

// Also of databases in which nothing happens any more: their events must not wait for another one of theirs.
int find_due_workers(Oid *due, TimestampTz now) {
  int count = 0;
  for (Database &database : queue->databases) {
    if (database.worker != 0 || !has_work(database) ||
        (database.is_starting && now - database.started_at <= longest_start))
      continue;
    database.is_starting = true;
    database.started_at = now;
    due[count++] = database.oid;
  }
  return count;
}

void add_channel(Database &database, const char *name) {
  AuditChannel *end = database.channels + database.channel_count;
  const bool is_there = std::any_of(database.channels, end, [name](const AuditChannel &channel) {
    return strcmp(channel.name, name) == 0;
  });
  if (is_there || database.channel_count == most_audit_channels) return;
  strlcpy(end->name, name, sizeof end->name);
  database.channel_count++;
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

// Gives the event to a place of the queue, or counts it. RETURNS whether it must go to the log.
bool put(const AuditEvent &event, const int *most_in_minute) {
  const TimestampTz now = GetCurrentTimestamp();
  if (queue == nullptr || RecoveryInProgress())
    return most_in_minute == nullptr || takes_share(own_share, now, *most_in_minute);
  const AuditKeys keys = audit_keys(event, queue->seed);
  Oid due[most_databases];
  int due_count = 0;
  bool is_due = true, is_queued = false;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  Database *database = database_named(event.database);
  if (database != nullptr) {
    AuditActor *actor = nullptr;
    if (most_in_minute != nullptr) {
      actor = &actor_of(event, keys, *database, now);
      is_due = takes_share(*actor, now, *most_in_minute);
    }
    if (is_due) {
      const Load load = load_for(event, keys);
      is_queued = admits(load);
      if (is_queued)
        fill(*load.slot, *database, keys, event);
      else
        (actor != nullptr ? *actor : actor_of(event, keys, *database, now)).dropped++;
    }
    if (!is_queued) database->has_counts = true;
    due_count = find_due_workers(due, now);
  } else if (most_in_minute != nullptr) {
    is_due = takes_share(own_share, now, *most_in_minute);
  }
  LWLockRelease(lock);
  for (int i = 0; i < due_count; i++) start_worker(due[i]);
  return is_due && !is_queued;
}

// --- for the worker, with the lock

// Makes events of the counts that are due.
void queue_reports(Database &database, TimestampTz now) {
  if (!database.has_counts) return;
  for (Slot &slot : queue->slots) {
    if (slot.number != 0) continue;
    AuditActor *actor = queue->actors.find_unreported(database.oid, now, false);
    if (actor == nullptr && (database.unassigned.suppressed > 0 || database.unassigned.dropped > 0))
      actor = &database.unassigned;
    if (actor == nullptr) break;
    const AuditEvent event = report_actor(*actor, now);
    fill(slot, database, audit_keys(event, queue->seed), event);
  }
  database.has_counts = database.unassigned.suppressed > 0 || database.unassigned.dropped > 0 ||
                        queue->actors.find_unreported(database.oid, now, true) != nullptr;
}

int find_slots_of(Oid database, Slot **slots) {
  int count = 0;
  for (Slot &slot : queue->slots)
    if (slot.number != 0 && slot.database == database) slots[count++] = &slot;
  std::sort(slots, slots + count, [](const Slot *a, const Slot *b) { return a->number < b->number; });
  return count;
}

// RETURNS whether there was one.
bool take_oldest(Oid database, AuditEvent *event) {
  Slot *slots[queue_length];
  LWLockAcquire(lock, LW_EXCLUSIVE);
  const bool found = find_slots_of(database, slots) > 0;
  if (found) {
    *event = queue->events[slots[0] - queue->slots];
    free_slot(*slots[0], database_named(database));
  }
  LWLockRelease(lock);
  return found;
}

}  // namespace

void register_audit_queue() {
  if (!process_shared_preload_libraries_in_progress) return;
  next_request = shmem_request_hook;
  shmem_request_hook = request_memory;
  next_startup = shmem_startup_hook;
  shmem_startup_hook = attach_memory;
}

bool can_queue_audit_event(const AuditEvent &event) {
  if (queue == nullptr || RecoveryInProgress()) return false;
  const AuditKeys keys = audit_keys(event, queue->seed);
  LWLockAcquire(lock, LW_SHARED);
  const bool is_admitted = has_place_for(event.database) && admits(load_for(event, keys));
  LWLockRelease(lock);
  return is_admitted;
}

void put_audit_event(const AuditEvent &event) {
  if (put(event, nullptr)) write_to_log(event);
}

void put_refusal(const AuditEvent &event, int most_in_minute) {
  if (put(event, &most_in_minute)) write_to_log(event);
}

void request_audit_notification(const char *channel) {
  if (queue == nullptr) return;
  Oid due[most_databases];
  LWLockAcquire(lock, LW_EXCLUSIVE);
  if (Database *own = database_named(MyDatabaseId); own != nullptr) add_channel(*own, channel);
  const int due_count = find_due_workers(due, GetCurrentTimestamp());
  LWLockRelease(lock);
  for (int i = 0; i < due_count; i++) start_worker(due[i]);
}

bool begin_audit_worker(Oid database) {
  LWLockAcquire(lock, LW_EXCLUSIVE);
  Database *own = database_named(database);
  const bool has_failed = own != nullptr && own->failed_starts >= most_failed_starts;
  const bool begins = own != nullptr && own->worker == 0 && !has_failed;
  if (begins) own->worker = MyProcPid;
  if (has_failed) own->failed_starts = 0;
  if (own != nullptr) own->is_starting = false;
  if (has_failed) {
    own->unassigned.suppressed = own->unassigned.dropped = 0;
    while (AuditActor *actor = queue->actors.find_unreported(database, 0, true))
      actor->suppressed = actor->dropped = 0;
    own->has_counts = false;
    own->channel_count = 0;
  }
  LWLockRelease(lock);
  AuditEvent event;
  while (has_failed && take_oldest(database, &event)) write_to_log(event);
  return begins;
}

int read_audit_events(Oid database, AuditEvent *events, uint64 *numbers, int most) {
  Slot *slots[queue_length];
  AuditEvent failed;
  for (;;) {
    int count = 0;
    bool has_failed = false;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Database *own = database_named(database);
    if (own != nullptr) {
      own->failed_starts = 0;
      queue_reports(*own, GetCurrentTimestamp());
    }
    const int found = find_slots_of(database, slots);
    for (int i = 0; i < found && count < most && !has_failed; i++) {
      Slot &slot = *slots[i];
      // After a failure, alone: only the event that cannot be written loses its attempts.
      const bool is_retried = slot.attempts > 0;
      if (is_retried && count > 0) break;
      if (is_retried) most = 1;
      if (++slot.attempts > most_attempts) {
        failed = queue->events[&slot - queue->slots];
        free_slot(slot, own);
        has_failed = true;
      } else {
        numbers[count] = slot.number;
        events[count++] = queue->events[&slot - queue->slots];
      }
    }
    LWLockRelease(lock);
    if (!has_failed) return count;
    write_to_log(failed);
  }
}

void remove_audit_events(Oid database, const uint64 *numbers, int count) {
  LWLockAcquire(lock, LW_EXCLUSIVE);
  Database *own = database_named(database);
  for (Slot &slot : queue->slots)
    if (slot.number != 0 && std::binary_search(numbers, numbers + count, slot.number)) free_slot(slot, own);
  LWLockRelease(lock);
}

bool has_audit_notifications(Oid database) {
  LWLockAcquire(lock, LW_SHARED);
  const bool has_some =
      std::any_of(std::begin(queue->databases), std::end(queue->databases),
                  [database](const Database &own) { return own.oid == database && own.channel_count > 0; });
  LWLockRelease(lock);
  return has_some;
}

int take_audit_notifications(Oid database, AuditChannel *channels) {
  int count = 0;
  LWLockAcquire(lock, LW_EXCLUSIVE);
  if (Database *own = database_named(database); own != nullptr) {
    count = own->channel_count;
    std::copy_n(own->channels, count, channels);
    own->channel_count = 0;
  }
  LWLockRelease(lock);
  return count;
}

bool end_audit_worker(Oid database) {
  LWLockAcquire(lock, LW_EXCLUSIVE);
  Database *own = database_named(database);
  const bool ends = own == nullptr || !has_work(*own);
  if (ends && own != nullptr) own->worker = 0;
  LWLockRelease(lock);
  return ends;
}

void audit_worker_failed(Oid database) {
  LWLockAcquire(lock, LW_EXCLUSIVE);
  if (Database *own = database_named(database); own != nullptr && own->worker == MyProcPid) {
    own->worker = 0;
    own->failed_starts++;
    own->is_starting = true;
    own->started_at = GetCurrentTimestamp();
  }
  LWLockRelease(lock);
}

}  // namespace tenancy::pg
