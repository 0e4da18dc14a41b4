// The check of a plan before it returns or writes a row.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Raises 55000 in a plan made for another principal, 28000 in one whose credential has expired, 40001 in one
/// made when the principal had rights that have ended since; the next try makes a new plan.
void check_plan_is_current(uint64 stamp, TimestampTz not_after);

}  // namespace tenancy::pg
