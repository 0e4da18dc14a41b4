// Rows of tables that follow the logging settings.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether the DELETE or INSERT of a row, whose triggers are running, is a part of an UPDATE that
/// moves the row to another partition.
bool is_row_moving();

/// Has the row that an UPDATE changes known as it was, in case that it moves. REQUIRES: its triggers are
/// running.
void remember_former_row(Relation relation, HeapTuple row);

/// A row that arrives in another partition, as it was before the UPDATE.
struct MovedRow {
  Oid relation;
  HeapTuple row;  // nullptr: not known
  bool is_held;
};
/// REQUIRES: is_row_moving()
MovedRow moved_row();

/// Has the rows that an UPDATE moves to another partition known until the end of their transaction.
void register_kept_rows();

}  // namespace tenancy::pg
