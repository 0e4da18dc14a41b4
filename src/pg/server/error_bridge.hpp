// Where C++ exceptions end. A server ERROR jumps over C++ frames without running destructors, and an
// exception must never reach the server's C frames: so code of the core, which may throw but never calls the
// server, runs inside run_core(), and code that calls the server has no C++ object with a destructor in its
// frame.
#pragma once

#include <exception>
#include <new>

#include "pg/server/fault_injection.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

enum class CoreFailure { none, out_of_memory, unexpected };

/// Raises what run_core() caught: 53200 out_of_memory, or XX000.
[[noreturn]] void raise_core_failure(CoreFailure failure);

/// Runs work of the core. The work may capture by reference, throw, and allocate; it must not call the
/// server.
template <typename Work>
void run_core(Work work) {
  CoreFailure failure = CoreFailure::none;
  try {
    core_fault_point();
    work();
  } catch (const std::bad_alloc &) {
    failure = CoreFailure::out_of_memory;
  } catch (...) {
    failure = CoreFailure::unexpected;
  }
  // Raised here and not in the handler: a jump out of a handler would leave its exception alive for ever.
  if (failure != CoreFailure::none) raise_core_failure(failure);
}

/// Runs work of the server in a subtransaction and always undoes it: writes, settings, open cursors, the
/// current role. An error is raised again after that. REQUIRES: the work leaves no C++ object behind, and
/// its results are in an older memory context.
void run_and_undo(void (*work)(void *), void *argument);

/// Runs work of the server in a subtransaction, which stays if the work succeeds. RETURNS the SQLSTATE of its
/// error, after undoing all; 0 without one. Cancels are raised again. REQUIRES: no parallel mode; the work
/// leaves no C++ object behind.
int run_and_catch(void (*work)(void *), void *argument);

/// Runs work of the server, then the clean-up, whether or not the work raised an error, which is raised
/// again. The clean-up must not raise.
void run_with_cleanup(void (*work)(void *), void (*cleanup)(void *), void *argument);

/// Runs work of the server. A constraint's violation is raised again without its DETAIL, which shows the row.
void run_without_detail(void (*work)(void *), void *argument);

/// As run_with_cleanup(), for a body whose inner workings are not the caller's concern: an error is passed to
/// `reword`, and raised again with the context that the call has without the body, and texts of a bounded
/// length. The server's log keeps the rest, and errors that nobody expects (cancels, lack of resources,
/// internal ones) stay as they are. Clean-up and `reword` may be missing.
void run_as_unit(void (*work)(void *), void (*cleanup)(void *), void (*reword)(void *, ErrorData *),
                 void *argument);

/// Runs work that executes code of users. An error of theirs that poses as a cancel is raised as 38000: the
/// server's own cancels and timeouts, which handlers must not catch, stay what they are.
void run_users_code(void (*work)(void *), void *argument);

/// A value of the core that lives as long as a memory context.
template <typename Value>
Value *make_in_context(MemoryContext context) {
  auto *callback =
      static_cast<MemoryContextCallback *>(MemoryContextAllocZero(context, sizeof(MemoryContextCallback)));
  void *place = MemoryContextAlloc(context, sizeof(Value));
  auto *value = new (place) Value();
  static_assert(std::is_nothrow_default_constructible_v<Value> && std::is_nothrow_destructible_v<Value>);
  callback->func = [](void *arg) { static_cast<Value *>(arg)->~Value(); };
  callback->arg = value;
  MemoryContextRegisterResetCallback(context, callback);
  return value;
}

}  // namespace tenancy::pg
