// tenancy.simulate(): a query with the rows that somebody else would see.
//
// The session becomes the login for one query, by the server's own means: session authorization where the
// caller is a superuser, and in any case the login's rights in a security-restricted operation, as the server
// itself runs the code of others (in REFRESH MATERIALIZED VIEW, for example). Neither SET ROLE nor anything
// else leads out of that. The user is named by tenancy.user, which counts as long as tenancy.simulation says
// so. All of it ends with the subtransaction that it happens in.
#pragma once

#include "pg/session/parameters.hpp"

namespace tenancy::pg {

inline bool is_simulation() { return settings.simulation != nullptr && *settings.simulation != '\0'; }

/// Raises 42501 when a simulated query has changed who it runs for, as RESET does without asking.
void check_simulated_principal();

}  // namespace tenancy::pg
