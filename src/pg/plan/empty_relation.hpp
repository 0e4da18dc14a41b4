// Skips the scan of tables of which the principal sees no rows.
//
// The server folds "false AND anything" away, but keeps a policy's condition apart from the query's own, so
// that a query with a condition of its own would read the whole table without returning a row. Where what is
// denied now may not be later, the guard is checked once for the scan instead.
#pragma once

namespace tenancy::pg {

void register_empty_relation();

}  // namespace tenancy::pg
