// Refusals of the session's credential: recorded, and raised as 28000 without a secret.
#pragma once

#include "pg/server/refused.hpp"

namespace tenancy::pg {

/// The reason reaches the server's log alone; detail and hint, either of which may be nullptr, the client.
[[noreturn]] void refuse_api_key(const char *reason, const char *detail = nullptr,
                                 const char *hint = nullptr);
[[noreturn]] void refuse_token(const char *reason, const char *detail = nullptr,
                               Refused why = Refused::credential);
[[noreturn]] void refuse_user(const char *detail);

}  // namespace tenancy::pg
