// Statements that say which relations and operators their names mean.
//
// A statement that is made from OIDs names tables and operators, and the server looks the names up: when the
// statement is prepared, and whenever its plan has become invalid. Whoever owns a schema can rename it, and
// put another one, with a view of its own in the table's place, under its name meanwhile. What the view calls
// would run with the rights with which the statement runs.
//
// So the statement begins with a comment that gives the OIDs. They are compared each time when its names have
// been looked up, before it is rewritten or planned: from there on, the server works with OIDs.
#pragma once

#include <initializer_list>

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The relation's name, qualified and as SQL.
const char *qualified(Oid relation);
/// ONLY, where children of a table are others.
const char *only(Oid relation);

/// Begins a statement with the relations that it names, in the order of FROM and the target first, and with
/// its operators, as far as they are not the server's own. Raises 55000 later if a name means another one.
void begin_statement(StringInfo sql, std::initializer_list<Oid> relations,
                     std::initializer_list<Oid> operators);

[[noreturn]] void raise_renamed(Oid relation);

void register_meant_names();

}  // namespace tenancy::pg
