// Rows under a legal hold, of tables that follow the logging settings by triggers: a table says by these
// whose its rows are, also where no catalog knows it any more.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether a trigger with this function keeps rows. Found by its name and schema, and not by an OID
/// that is remembered: in the middle of commands, also of those that create or drop the extension.
bool keeps_rows(Oid function);

/// RETURNS a copy of the trigger of a table by which it follows the logging settings, with the columns of
/// organization and workspace as its second and third argument; nullptr for none.
const Trigger *keeping_trigger(Relation relation);

/// RETURNS whether a trigger keeps all content that another does.
bool keeps_content_of(const Trigger &trigger, const Trigger &other);

/// RETURNS whether a row of a table that follows the logging settings is under a legal hold.
bool is_held_row(Relation relation, HeapTuple row);

/// Raises 55000 while a legal hold keeps rows of a table.
void check_no_held_rows(Oid table);

/// The same of a table and what it consists of, which stays locked until the end of the transaction.
void check_no_held_rows_below(Oid table);

/// Raises 55000 while a legal hold keeps values of a type, wherever a column holds them: also in arrays,
/// domains, other composite types and rows.
void check_no_held_values(Oid type);

}  // namespace tenancy::pg
