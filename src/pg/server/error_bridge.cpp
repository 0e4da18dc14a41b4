#include "pg/server/error_bridge.hpp"

namespace tenancy::pg {
namespace {

// The server raises its own in these functions of its; RAISE can name a SQLSTATE, but not the function.
bool is_cancel_of_server(const ErrorData *error) {
  return error->funcname != nullptr && (strcmp(error->funcname, "ProcessInterrupts") == 0 ||
                                        strcmp(error->funcname, "ProcessRecoveryConflictInterrupt") == 0);
}

}  // namespace

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

void run_users_code(void (*work)(void *), void *argument) {
  const MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { work(argument); }
  PG_CATCH();
  {
    if (geterrcode() != ERRCODE_QUERY_CANCELED) PG_RE_THROW();
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    if (is_cancel_of_server(error)) PG_RE_THROW();
    FlushErrorState();
    error->sqlerrcode = ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
    ReThrowError(error);
  }
  PG_END_TRY();
}

}  // namespace tenancy::pg
