// A query's own condition finds its index in a protected table.
//
// PostgreSQL asks the policy first: a condition whose function isn't leakproof may run on rows only that have
// passed, so that it can't be an index condition, whatever index fits. Two things are known here that the
// server can't know, and either lets the condition into the index:
//
// - Own rows first (always): the filter is "columns equal something", and a btree begins with exactly these
//   columns. A descent compares a later column only where the earlier ones are equal, so that the condition
//   meets entries of the principal's own rows and no others. Likewise in a partial index whose rows, and in
//   a partition all whose rows, satisfy the filter by definition.
// - Trusted conditions (tenancy.trusted_conditions = all): any index. The condition meets rows of others,
//   among which it can't raise or tell; the filter stays where it is, before any function of users.
//
// Only trusted conditions are let in either way (trusted_conditions.hpp).
#pragma once

namespace tenancy::pg {

void register_index_promotion();

}  // namespace tenancy::pg
