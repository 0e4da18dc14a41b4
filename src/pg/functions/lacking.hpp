// What is lacking to hand something out, told to SQL.
#pragma once

#include "core/access/delegation.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The first missing permission by name, or what else is missing, as a function's result; NULL for nothing.
Datum lacking_datum(FunctionCallInfo fcinfo, const Shortfall &lacking);

}  // namespace tenancy::pg
