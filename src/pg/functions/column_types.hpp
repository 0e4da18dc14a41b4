// Limits of the owner of a type, in tables with columns of it, whoever owns these: the server checks rows
// against a domain's new constraint without policies, by the type's owner's code, runs casts and defaults
// that the type's owner makes as whoever uses the table, and drops columns and tables together with what they
// depend on.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Raises 42501 where the current role owns the type, and not a protected or closed table that has values of
/// it; in an administration function where its caller doesn't own such a table, whoever owns the type.
void require_tables_with_type(Oid type);

/// Watches constraints and defaults of domains, casts, and what is dropped.
void register_column_types();

}  // namespace tenancy::pg
