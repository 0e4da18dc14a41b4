// The check that a plan makes before it gives or takes a row.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Raises 55000 in a plan that was made for another principal, 28000 in one that has outlived its credential.
void check_plan_is_current(uint64 stamp, TimestampTz not_after);

}  // namespace tenancy::pg
