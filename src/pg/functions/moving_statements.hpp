// Statements that can move rows to another partition: which of them fires a trigger, when it ends, and
// whether it stores every row that it inserts.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the memory of the statement that fires a row trigger, which no other has until this one ends.
MemoryContext statement_of(const TriggerData *trigger);

/// Has the end of a statement told to whoever has registered.
void watch_statement(MemoryContext statement);

/// RETURNS whether a statement that is watched stores each row that it inserts, once its BEFORE triggers have
/// run: there is no ON CONFLICT in it. False also where that isn't known.
bool stores_all_rows(MemoryContext statement);

/// `ends` is called as a statement ends, also by an error; it must not raise one.
void register_moving_statements(void (*ends)(MemoryContext statement));

}  // namespace tenancy::pg
