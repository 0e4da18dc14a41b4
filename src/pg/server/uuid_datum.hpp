// Conversion of ids to the server's values, in the current memory context, and back.
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

Datum uuid_datum(const Uuid &id);
Uuid uuid_of_datum(Datum datum);

}  // namespace tenancy::pg
