// The time against which the expiry of credentials is checked.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The start of the client's statement or, in a procedure that has committed since, of its transaction:
/// such a statement can run for ever, and must not keep an expired credential alive. The same in a parallel
/// worker.
inline TimestampTz statement_time() {
  return Max(GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp());
}

}  // namespace tenancy::pg
