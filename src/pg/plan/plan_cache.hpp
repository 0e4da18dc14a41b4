// Cached plans with a filter, and dropping them.
//
// A filter is made for one principal, or one rights profile, and so is the plan that contains it. Such a
// plan contains a call of the guard, or has a recorded dependency on it: the server's plan cache drops
// plans by the function's pg_proc entry, so that its callback for that entry drops these and no other. No
// other interface exists: the plan cache is the server's own.
#pragma once

#include "pg/catalog/catalog_oids.hpp"

namespace tenancy::pg {

/// A plan that depends on the guard is being made, in this memory context: it may be cached until the next
/// drop, and entered into the cache before the context's end.
void note_plan_with(Guard guard, MemoryContext planning);

/// Drops the plans that depend on the guard. Costs time in proportion to all cached plans, but only if one
/// that depends on the guard was made since the last drop. Safe anywhere: no error, no catalog access.
void drop_plans_with(Guard guard);

}  // namespace tenancy::pg
