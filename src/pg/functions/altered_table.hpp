// The rows of a table in the midst of a command that alters it: until they are rewritten, they are stored by
// the columns' former types, while the catalog has the new ones.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the descriptor by which the rows of a table are stored: the relation's own, unless types of
/// columns are being changed. Then indexes can be new ones, which are empty yet.
TupleDesc stored_descriptor(Relation relation);

/// Raises 55000 for such a table: what is said of its rows is wrong until they have been rewritten.
void require_stored_form(Relation relation);

/// Watches when commands that alter tables begin.
void register_altered_tables();

}  // namespace tenancy::pg
