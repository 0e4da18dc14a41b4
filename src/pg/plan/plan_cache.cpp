#include "pg/plan/plan_cache.hpp"

namespace tenancy::pg {
namespace {

struct Plans {
  bool may_be_cached;  // a filter has been made since the last drop
  int being_made;
};
Plans plans[static_cast<int>(Guard::count)];

struct Making {
  MemoryContextCallback at_end;
  Guard guard;
};

extern "C" {
static void made(void *making) { plans[static_cast<int>(static_cast<Making *>(making)->guard)].being_made--; }
}

}  // namespace

void note_plan_with(Guard guard, MemoryContext planning) {
  auto *making = static_cast<Making *>(MemoryContextAllocZero(planning, sizeof(Making)));
  making->guard = guard;
  making->at_end.func = made;
  making->at_end.arg = making;
  MemoryContextRegisterResetCallback(planning, &making->at_end);
  Plans &noted = plans[static_cast<int>(guard)];
  noted.being_made++;
  noted.may_be_cached = true;
}

void drop_plans_with(Guard guard) {
  Plans &noted = plans[static_cast<int>(guard)];
  if (!noted.may_be_cached) return;
  // A plan that is being made enters the cache later, to be dropped by the next call.
  if (noted.being_made == 0) noted.may_be_cached = false;
  // No hash is known: no filter has been made, so that no plan can contain one.
  uint32 hash = 0;
  if (guard_hash(guard, &hash)) CallSyscacheCallbacks(PROCOID, hash);
}

}  // namespace tenancy::pg
