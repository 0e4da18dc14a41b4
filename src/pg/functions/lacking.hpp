// Missing rights of a delegation as the result of an SQL function.
#pragma once

#include "core/access/delegation.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the first missing permission by name, or the description of another missing right; NULL for none.
Datum lacking_datum(FunctionCallInfo fcinfo, const Shortfall &lacking);

}  // namespace tenancy::pg
