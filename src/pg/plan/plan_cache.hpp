// Cached plans with a filter, and dropping them.
//
// A filter is made for one principal, or one rights profile, and so is the plan that contains it. Such a
// plan contains a call of the guard, or has a recorded dependency on it: the server's plan cache drops
// plans by the function's pg_proc entry, so that its callback for that entry drops these and no other. No
// other interface exists: the plan cache is the server's own.
#pragma once

#include "pg/catalog/catalog_oids.hpp"

namespace tenancy::pg {

/// Drops the plans that depend on the guard. Safe anywhere: no error, no catalog access.
void drop_plans_with(Guard guard);

}  // namespace tenancy::pg
