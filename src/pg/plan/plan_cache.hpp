// Cached plans that hold a filter, and how they are dropped.
//
// A filter is made for one principal, or one rights profile, and so is the plan that holds it. The plan is
// found by the guard's call that it holds, or is recorded to depend on: the server's plan cache drops plans
// by the function's pg_proc entry, so that its callback for that entry drops these and no other. There is
// nothing else that could be called: the plan cache is the server's own.
#pragma once

#include "pg/catalog/catalog_oids.hpp"

namespace tenancy::pg {

/// Drops the plans that depend on the guard. Safe anywhere: no error, no catalog access.
void drop_plans_with(Guard guard);

}  // namespace tenancy::pg
