// tenancy.simulate(): a query as another user.
//
// The session becomes the login for one query, with the server's own mechanisms: session authorization if
// the caller is a superuser, and in any case the login's rights in a security-restricted operation, as the
// server itself runs other users' code (in REFRESH MATERIALIZED VIEW, for example). Neither SET ROLE nor
// anything else leads out of that. The user is named by tenancy.user, which counts while tenancy.simulation
// is on. All of it ends with the enclosing subtransaction.
#pragma once

#include "pg/session/parameters.hpp"

namespace tenancy::pg {

inline bool is_simulation() {
  return configuration.simulation != nullptr && *configuration.simulation != '\0';
}

/// Raises 42501 if a simulated query has changed its principal, as RESET does without a check hook.
void check_simulated_principal();

}  // namespace tenancy::pg
