// Where the server stores values of rows a second time, without policies: in statistics, and in TOAST tables.
// pg_read_all_data gives SELECT on both.
#pragma once

namespace tenancy::pg {

/// Has queries by roles that row security filters fail (42501) where they name the catalogs of statistics, or
/// the TOAST table of a table that it filters for them.
void register_stored_values();

}  // namespace tenancy::pg
