// Violated constraints of the catalogs, in words.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Replaces the server's message about a constraint of a catalog, which is meant for people who know the
/// tables, and its detail, which has the whole row. SQLSTATE, table and constraint stay. Other errors stay as
/// they are. Allocates in the current memory context.
void put_into_words(ErrorData *error);

}  // namespace tenancy::pg
