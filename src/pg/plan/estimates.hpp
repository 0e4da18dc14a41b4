// How many rows conditions on a protected table let pass.
//
// Under row security the server estimates a condition from statistics only where its operator is leakproof:
// an estimator may try the operator on values of any row. What is worked out here is handed over as the
// condition's selectivity, before the server asks for it:
//
// - The filter's own list of ids (workspace_id = ANY ...), of any length, in one pass. The server estimates
//   each id by itself, and so a list of thousands for as long as it takes to run.
// - Trusted conditions, where a superuser lets them meet rows of others (tenancy.trusted_conditions = all),
// by
//   the server's own estimator of the server's own operator. What it tells, EXPLAIN ANALYZE tells there
//   anyway. No other operator gets to see statistics of a protected table.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// To be called when the guard of a row filter is estimated, which is before what stands behind it is: the
/// guard comes first among a relation's conditions. `row`: something that the guard is asked of.
void estimate_conditions(PlannerInfo *root, Node *row);

}  // namespace tenancy::pg
