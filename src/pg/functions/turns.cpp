// Locks of organizations and of persons, which a transaction holds until it ends. A principal that waits for
// one while others wait for what it holds makes a deadlock, and the server may end a DBA's call for it.

#include "pg/catalog/caller.hpp"
#include "pg/session/administrator.hpp"

namespace tenancy::pg {

extern "C" {
// Whether the session may wait for the lock that it is about to take. A transaction that has written or
// locked any row has a number, and others may wait for it. Triggers in a statement of a DBA's own have no
// caller, and may.
PG_FUNCTION_INFO_V1(pg_tenancy_may_wait);
Datum pg_tenancy_may_wait(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(!TransactionIdIsValid(GetTopTransactionIdIfAny()) || !is_administration_running() ||
                 is_administrator());
}
}

}  // namespace tenancy::pg
