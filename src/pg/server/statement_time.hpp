// The clock that credentials expire by.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// When the client's statement began; inside a procedure that has committed since, when its transaction did:
/// such a statement can run for ever, and must not keep an expired credential alive. The same in a parallel
/// worker.
inline TimestampTz statement_time() {
  return Max(GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp());
}

}  // namespace tenancy::pg
