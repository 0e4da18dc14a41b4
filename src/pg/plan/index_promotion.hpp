// Lets a query's own conditions use an index of a protected table.
//
// PostgreSQL evaluates the policy first: conditions whose functions aren't leakproof may only run on rows
// that have passed, so they can't be index conditions, whatever index exists. The module knows two things
// that the server can't know, and either allows the condition in the index:
//
// 1. Own rows first (always): the filter is "columns equal something", and a btree begins with exactly
// these columns. A descent compares a later column only where the earlier ones are equal, so the condition
// is evaluated on entries of the principal's own rows only. The same is true of a partial index, and of a
// partition, all of whose rows satisfy the filter by definition.
//
// 2. Trusted conditions (tenancy.trusted_conditions = all): any index. The condition is evaluated on other
// tenants' rows, but can neither raise errors nor reveal anything; the filter stays in place, before any
// user's function.
//
// Only trusted conditions are promoted in either way (trusted_conditions.hpp).
#pragma once

namespace tenancy::pg {

void register_index_promotion();

}  // namespace tenancy::pg
