// Selectivity of conditions on protected tables.
//
// Under row security the server estimates a condition from statistics only if its operator is leakproof: an
// estimator may call the operator with values of any row. Selectivities computed here are stored in the
// condition before the server estimates it, for:
//
// - The filter's own list of ids (workspace_id = ANY ...), of any length, in one pass. The server estimates
//   each id by itself: for a list of thousands, planning would take as long as execution.
// - The ids of a shared plan (workspace_id = filter_id('workspace')), as in a generic plan: for an id of
//   average frequency. The server would take the id of whoever the session is while the plan is made, and the
//   plan serves others, too.
// - Trusted conditions, if a superuser allows them on all rows (tenancy.trusted_conditions = all), by the
//   server's own estimator of its own operator. The estimate reveals no more than EXPLAIN ANALYZE does then.
//   No other operator gets statistics of a protected table.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Called to estimate the guard of a row filter, which is the first of a relation's conditions and so is
/// estimated before the others. `row`: an argument of the guard that depends on the row.
void estimate_conditions(PlannerInfo *root, Node *row);

}  // namespace tenancy::pg
