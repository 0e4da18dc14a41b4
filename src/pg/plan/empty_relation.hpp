// A table of which the principal may see nothing is not scanned.
//
// The server folds "false AND anything" away, but a policy's condition is kept apart from the query's own, so
// that a query with a condition of its own would read the whole table to find that no row passes.
#pragma once

namespace tenancy::pg {

void register_empty_relation();

}  // namespace tenancy::pg
