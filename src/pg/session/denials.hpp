// Denials: counted always, and written to the server's log where tenancy.log_denied asks for it, in one form
// for all: "tenancy denied: " and a JSON object. The client never sees that line.
#pragma once

#include "pg/server/counters.hpp"

namespace tenancy::pg {

/// A credential that doesn't hold, or nobody where somebody is needed. The reason is one of the counters
/// denied_…; the subject, which may be nullptr, must hold no secret.
void record_denial(Counter reason, const char *subject, const char *detail);

}  // namespace tenancy::pg
