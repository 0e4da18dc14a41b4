// Denials: always counted, and with tenancy.log_denied written to the server's log, in one form for all:
// "tenancy denied: " and a JSON object. The client never sees that line.
#pragma once

#include "pg/server/counters.hpp"

namespace tenancy::pg {

/// Records an invalid credential, or an anonymous session where a principal is needed. The reason is one of
/// the counters denied_…; the subject, which may be nullptr, must not contain a secret.
void record_denial(Counter reason, const char *subject, const char *detail);

/// Runs work whose refusals are nobody's yet: a query that needs the principal has its own.
void run_without_recording_denials(void (*work)(void *), void *argument);

}  // namespace tenancy::pg
