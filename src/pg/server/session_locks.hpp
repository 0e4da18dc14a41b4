#pragma once

namespace tenancy::pg {

/// From here until end_session_locks(), or the end of a (sub)transaction that fails, code of others can take
/// and release advisory locks of the session without changing which it holds: those that it takes go, and
/// those that were there are there again. The server would keep them beyond errors, ROLLBACK and COMMIT.
/// RETURNS false within such a part, which goes on then.
bool begin_session_locks();
void end_session_locks();

void register_session_locks();

}  // namespace tenancy::pg
