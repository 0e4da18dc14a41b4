// Rows of tables that follow the logging settings.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether the DELETE or INSERT of a row, whose triggers are running, is a part of an UPDATE that
/// moves the row to another partition.
bool is_row_moving();

}  // namespace tenancy::pg
