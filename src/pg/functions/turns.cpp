// Locks of organizations and of persons, which a transaction holds until it ends. A principal that waits for
// one while others wait for one that it holds makes a deadlock, and the server may end a DBA's call for it.

#include "pg/catalog/caller.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/administrator.hpp"

namespace tenancy::pg {
namespace {

// Locks that the transaction has asked for. After a rolled back savepoint it may hold fewer, and still waits
// for none.
struct Turns {
  Uuid first;
  bool has_others;
  MemoryContextCallback at_end;
};

// In TopTransactionContext; nullptr: nothing yet
Turns *turns = nullptr;

extern "C" {
static void forget_turns(void *) { turns = nullptr; }
}

Turns *begin_turns(const Uuid &first) {
  auto *begun = static_cast<Turns *>(MemoryContextAllocZero(TopTransactionContext, sizeof(Turns)));
  begun->first = first;
  begun->at_end.func = forget_turns;
  MemoryContextRegisterResetCallback(TopTransactionContext, &begun->at_end);
  return begun;
}

}  // namespace

extern "C" {
// Whether the session may wait for the lock of this organization or person, which it is about to take. What
// triggers do in a statement of a DBA's own has no caller, and may.
PG_FUNCTION_INFO_V1(pg_tenancy_may_wait_for);
Datum pg_tenancy_may_wait_for(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Uuid wanted = uuid_of_datum(PG_GETARG_DATUM(0));
  if (turns == nullptr)
    turns = begin_turns(wanted);
  else if (turns->first != wanted)
    turns->has_others = true;
  PG_RETURN_BOOL(!turns->has_others || !is_administration_running() || is_administrator());
}
}

}  // namespace tenancy::pg
