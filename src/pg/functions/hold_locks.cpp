#include "pg/functions/hold_locks.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

// There is a lock for each organization, and two others. Removals of very many organizations take one for
// them all, which a hold has for a moment only: it looks whether it is free once it has those of its
// organizations, and gives these back while it isn't. The removal looks into theirs once it has the one, so
// that either sees the other. Where it isn't known whose rows go, every hold counts.
constexpr LOCKMODE removing = RowExclusiveLock;
constexpr LOCKMODE holding = ShareLock;
constexpr size_t most_locks = 256;

constexpr int removal_waits_ms = 1000;
constexpr int job_waits_ms = 50;
constexpr int hold_waits_ms = 30'000;

LOCKTAG lock_tag(uint32 number, uint16 part) {
  LOCKTAG tag{};
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_relation(CatalogIndex::logging_settings_key), number, part);
  return tag;
}

LOCKTAG lock_of_unknown() { return lock_tag(0, 0); }

LOCKTAG lock_of_many() { return lock_tag(1, 0); }

LOCKTAG lock_of(const Uuid &organization) {
  const uint64 hash =
      hash_bytes_extended(reinterpret_cast<const unsigned char *>(&organization), sizeof(organization), 0);
  return lock_tag(static_cast<uint32>(hash), static_cast<uint16>((hash >> 32 & 0x7fff) + 1));
}

bool try_lock(const LOCKTAG &tag, LOCKMODE mode) {
  return LockAcquire(&tag, mode, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

// How many organizations have been locked one by one for a job, also in what was rolled back.
size_t jobs_locks = 0;

// Those on which no hold is committed as long as this transaction has lock_of_many().
HTAB *kept_away = nullptr;

bool is_kept_away(const Uuid &organization) {
  return lock_held_by_me(lock_of(organization), removing) ||
         (kept_away != nullptr && lock_held_by_me(lock_of_many(), removing) &&
          hash_search(kept_away, &organization, HASH_FIND, nullptr) != nullptr);
}

// Tries again until the time is over. Waiting in the lock's queue would have others wait behind it.
template <typename Try>
bool repeat(int *left_ms, Try attempt) {
  constexpr int pause_ms = 10;
  while (!attempt()) {
    if (*left_ms <= 0) return false;
    CHECK_FOR_INTERRUPTS();
    pg_usleep(pause_ms * 1000L);
    *left_ms -= pause_ms;
  }
  return true;
}

bool lock_many(int *left_ms) {
  if (lock_held_by_me(lock_of_many(), removing)) return true;
  // A subtransaction that had the lock was rolled back: holds may have been committed since.
  if (kept_away != nullptr) hash_destroy(kept_away);
  kept_away = nullptr;
  if (!repeat(left_ms, [] { return try_lock(lock_of_many(), removing); })) return false;
  HASHCTL control{};
  control.keysize = sizeof(Uuid);
  control.entrysize = sizeof(Uuid);
  control.hcxt = TopTransactionContext;
  kept_away = hash_create("organizations without a hold being committed", 512, &control,
                          HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  return true;
}

bool is_hold_being_committed(const Uuid &organization) {
  const LOCKTAG tag = lock_of(organization);
  int count = 0;
  pfree(GetLockConflicts(&tag, removing, &count));
  return count > 0;
}

bool keep_away_as_one_of_many(const Uuid &organization, int *left_ms) {
  if (!lock_many(left_ms)) return false;
  if (!repeat(left_ms, [&] { return !is_hold_being_committed(organization); })) return false;
  hash_search(kept_away, &organization, HASH_ENTER, nullptr);
  return true;
}

[[noreturn]] void refuse_removal() {
  ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                  errmsg("a legal hold is being committed that may keep these rows"),
                  errhint("Repeat the transaction once the hold is set.")));
}

bool lock_unknown(int left_ms) {
  return lock_held_by_me(lock_of_unknown(), removing) ||
         repeat(&left_ms, [] { return try_lock(lock_of_unknown(), removing); });
}

struct HoldLocks {
  std::span<const Uuid> organizations;
  int former_timeout;
  TimestampTz until;
};

void wait_for(const LOCKTAG &tag, TimestampTz until) {
  // 0 would be for ever.
  LockTimeout = static_cast<int>(Max(1L, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until)));
  LockAcquire(&tag, holding, false, false);
}

void release(const LOCKTAG &tag) { LockRelease(&tag, holding, false); }

extern "C" {
static void wait_for_removals(void *argument) {
  const auto &locks = *static_cast<HoldLocks *>(argument);
  wait_for(lock_of_unknown(), locks.until);
  for (bool is_free = false; !is_free;) {
    for (const Uuid &organization : locks.organizations) wait_for(lock_of(organization), locks.until);
    is_free = try_lock(lock_of_many(), holding);
    if (!is_free) {
      for (const Uuid &organization : locks.organizations) release(lock_of(organization));
      wait_for(lock_of_many(), locks.until);
    }
    release(lock_of_many());
  }
}

static void restore_timeout(void *argument) {
  LockTimeout = static_cast<HoldLocks *>(argument)->former_timeout;
}
}

}  // namespace

void lock_removal(std::span<const Uuid> organizations) {
  PodArray<Uuid> others;
  for (const Uuid &organization : organizations)
    if (!is_kept_away(organization)) others.append(organization);
  const bool are_many = others.span().size() > most_locks;
  int left_ms = removal_waits_ms;
  for (const Uuid &organization : others.span()) {
    const bool is_locked = are_many
                               ? keep_away_as_one_of_many(organization, &left_ms)
                               : repeat(&left_ms, [&] { return try_lock(lock_of(organization), removing); });
    if (!is_locked) refuse_removal();
  }
}

void lock_removal_of_anybody() {
  if (!lock_unknown(removal_waits_ms)) refuse_removal();
}

void lock_holds(std::span<const Uuid> organizations) {
  if (organizations.empty()) return;
  const int longest = LockTimeout == 0 ? hold_waits_ms : Min(LockTimeout, hold_waits_ms);
  HoldLocks locks{organizations, LockTimeout, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), longest)};
  run_with_cleanup(wait_for_removals, restore_timeout, &locks);
}

bool keep_holds_away(const Uuid &organization) {
  if (is_kept_away(organization)) return true;
  int left_ms = job_waits_ms;
  if (jobs_locks >= most_locks) return keep_away_as_one_of_many(organization, &left_ms);
  const bool is_locked = try_lock(lock_of(organization), removing);
  if (is_locked) jobs_locks++;
  return is_locked;
}

bool keep_all_holds_away() { return lock_unknown(job_waits_ms); }

void forget_hold_locks() {
  jobs_locks = 0;
  kept_away = nullptr;
}

}  // namespace tenancy::pg
