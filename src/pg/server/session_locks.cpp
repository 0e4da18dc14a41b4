#include "pg/server/session_locks.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

// A lock that the session held before, so many times. The transaction has it meanwhile: that takes it from
// nobody, and no function of the server's releases it.
struct ParkedLock {
  LOCKTAG tag;
  LOCKMODE mode;
  int count;
};

PodArray<ParkedLock> parked{};  // in TopTransactionContext
SubTransactionId begun_in = InvalidSubTransactionId;

// Advisory locks, of the session or of the transaction: the server tells them apart only as it releases them.
PodArray<ParkedLock> list_advisory_locks() {
  PodArray<ParkedLock> locks{};
  for (int part = 0; part < NUM_LOCK_PARTITIONS; part++) {
    LWLock *lock = LockHashPartitionLockByIndex(part);
    LWLockAcquire(lock, LW_SHARED);
    visit_own_locks(part, [&](const LOCKTAG &tag, LOCKMASK modes) {
      if (tag.locktag_lockmethodid != USER_LOCKMETHOD) return;
      for (LOCKMODE mode = 1; mode <= MaxLockMode; mode++)
        if ((modes & LOCKBIT_ON(mode)) != 0) locks.append({tag, mode, 0});
    });
    LWLockRelease(lock);
  }
  return locks;
}

void set_quiet(const char *name, GucContext context) {
  set_config_option(name, "error", context, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void park_locks() {
  const int level = NewGUCNestLevel();
  // There is a WARNING at the end of each count.
  set_quiet("client_min_messages", PGC_USERSET);
  set_quiet("log_min_messages", PGC_SUSET);
  for (int i = 0; i < parked.count; i++) {
    ParkedLock &lock = parked.items[i];
    LockAcquire(&lock.tag, lock.mode, false, true);
    while (LockRelease(&lock.tag, lock.mode, true)) lock.count++;
  }
  AtEOXact_GUC(false, level);
}

// Nothing here waits, or raises an error: the transaction has what the session gets back.
void restore_locks() {
  LockReleaseSession(USER_LOCKMETHOD);
  for (const ParkedLock &lock : parked.span())
    for (int i = 0; i < lock.count; i++) LockAcquire(&lock.tag, lock.mode, true, true);
  begun_in = InvalidSubTransactionId;
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_ABORT && begun_in != InvalidSubTransactionId) restore_locks();
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId, void *) {
  if (event == SUBXACT_EVENT_ABORT_SUB && begun_in == ended) restore_locks();
}
}

}  // namespace

bool begin_session_locks() {
  if (begun_in != InvalidSubTransactionId) return false;
  const MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
  parked = list_advisory_locks();
  MemoryContextSwitchTo(caller);
  begun_in = GetCurrentSubTransactionId();
  if (parked.count > 0) park_locks();
  return true;
}

void end_session_locks() {
  restore_locks();
  for (const ParkedLock &lock : parked.span()) LockRelease(&lock.tag, lock.mode, false);
  if (parked.items != nullptr) pfree(parked.items);
  parked = {};
}

void register_session_locks() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

}  // namespace tenancy::pg
