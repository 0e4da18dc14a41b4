#include "pg/server/error_bridge.hpp"

#include <initializer_list>

namespace tenancy::pg {
namespace {

// The server raises its own in these functions of its; RAISE can name a SQLSTATE, but not the function.
bool is_cancel_of_server(const ErrorData *error) {
  return error->funcname != nullptr && (strcmp(error->funcname, "ProcessInterrupts") == 0 ||
                                        strcmp(error->funcname, "ProcessRecoveryConflictInterrupt") == 0);
}

// Errors whose context is needed to find their cause.
bool is_unexpected(int sqlstate) {
  switch (ERRCODE_TO_CATEGORY(sqlstate)) {
    case ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR):
    case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
    case ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED):
    case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
    case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
      return true;
    default:
      return false;
  }
}

// A caller's text of a megabyte would be in the log with each error that quotes it.
void shorten(char *text, int most) {
  constexpr const char *dots = "...";
  const auto length = text == nullptr ? 0 : static_cast<int>(strlen(text));
  if (length <= most) return;
  const int end = pg_mbcliplen(text, length, most - static_cast<int>(strlen(dots)));
  strlcpy(text + end, dots, static_cast<size_t>(length - end));
}

void shorten(ErrorData *error) {
  constexpr int most_of_message = 2000, most_of_rest = 8000;
  shorten(error->message, most_of_message);
  for (char *text : {error->detail, error->detail_log, error->hint, error->context})
    shorten(text, most_of_rest);
}

// The log shows detail_log in place of the detail.
void keep_context_for_log(ErrorData *error) {
  if (error->context != nullptr)
    error->detail_log = psprintf("%s%sInside: %s", error->detail != nullptr ? error->detail : "",
                                 error->detail != nullptr ? "\n" : "", error->context);
  error->context = nullptr;
  error->internalquery = nullptr;
  error->internalpos = 0;
  error->cursorpos = 0;
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

int run_and_catch(void (*work)(void *), void *argument) {
  const MemoryContext context = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  // Read after a jump.
  volatile int sqlstate = 0;
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
    if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
      ReThrowError(error);
    sqlstate = error->sqlerrcode;
    FreeErrorData(error);
  }
  PG_END_TRY();
  if (sqlstate != 0) return sqlstate;
  ReleaseCurrentSubTransaction();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  return 0;
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

void run_without_detail(void (*work)(void *), void *argument) {
  const MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { work(argument); }
  PG_CATCH();
  {
    if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION) PG_RE_THROW();
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    error->detail = nullptr;
    error->detail_log = nullptr;
    ReThrowError(error);
  }
  PG_END_TRY();
}

void run_as_unit(void (*work)(void *), void (*cleanup)(void *), void (*reword)(void *, ErrorData *),
                 void *argument) {
  const MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { work(argument); }
  PG_CATCH();
  {
    if (cleanup != nullptr) cleanup(argument);
    if (is_unexpected(geterrcode())) PG_RE_THROW();
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    shorten(error);
    keep_context_for_log(error);
    if (reword != nullptr) reword(argument, error);
    ThrowErrorData(error);  // calls the callers' context callbacks again
  }
  PG_END_TRY();
  if (cleanup != nullptr) cleanup(argument);
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
