#include "pg/server/error_bridge.hpp"

namespace tenancy::pg {

void raise_core_failure(CoreFailure failure) {
  if (failure == CoreFailure::out_of_memory)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                    errdetail("Failed while working out the session's rights.")));
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not work out the session's rights")));
  pg_unreachable();
}

// A handler further out ends the innermost subtransaction and assumes it to be its own, so this one is
// always ended here.
void run_and_undo(void (*work)(void *), void *argument) {
  const MemoryContext context = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  PG_TRY();
  { work(argument); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    ReThrowError(error);
  }
  PG_END_TRY();
  RollbackAndReleaseCurrentSubTransaction();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
}

void run_with_cleanup(void (*work)(void *), void (*cleanup)(void *), void *argument) {
  PG_TRY();
  { work(argument); }
  PG_CATCH();
  {
    cleanup(argument);
    PG_RE_THROW();
  }
  PG_END_TRY();
  cleanup(argument);
}

}  // namespace tenancy::pg
