// The rows of a table that a command is about to rewrite: they are stored by the columns' former types, while
// the catalog has the new ones.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the descriptor by which the rows of a table are stored, in an event trigger on table_rewrite.
TupleDesc stored_descriptor(Relation relation);

/// Watches when commands that alter tables begin.
void register_altered_tables();

}  // namespace tenancy::pg
