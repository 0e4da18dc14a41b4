#include "pg/error_bridge.hpp"

namespace tenancy::pg {

void raise_core_failure(CoreFailure failure) {
  if (failure == CoreFailure::out_of_memory)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                    errdetail("Failed while working out the session's rights.")));
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not work out the session's rights")));
  pg_unreachable();
}

}  // namespace tenancy::pg
