#include "pg/plan/plan_cache.hpp"

namespace tenancy::pg {

void drop_plans_with(Guard guard) {
  // No hash is known: no filter has been made, so that no plan can contain one.
  uint32 hash = 0;
  if (guard_hash(guard, &hash)) CallSyscacheCallbacks(PROCOID, hash);
}

}  // namespace tenancy::pg
