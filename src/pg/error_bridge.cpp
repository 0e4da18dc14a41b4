#include "pg/error_bridge.hpp"

#ifdef PG_TENANCY_FAULT_INJECTION
#include <stdexcept>

#include "pg/settings.hpp"
#endif

namespace tenancy::pg {

void raise_core_failure(CoreFailure failure) {
  if (failure == CoreFailure::out_of_memory)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                    errdetail("Failed while working out the session's rights.")));
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not work out the session's rights")));
  pg_unreachable();
}

#ifdef PG_TENANCY_FAULT_INJECTION
void inject_core_fault() {
  if (settings.inject_fault == InjectFault::out_of_memory) throw std::bad_alloc();
  if (settings.inject_fault == InjectFault::unexpected) throw std::runtime_error("injected");
}
#endif

}  // namespace tenancy::pg
