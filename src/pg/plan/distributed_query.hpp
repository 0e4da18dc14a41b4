// Queries of protected tables that Citus distributes: planned for the session's principal, to go with a claim
// (claim_transport.hpp), or refused. Citus sends them to other nodes under the session's login and without
// its principal, which these nodes would work out anew: rows of another tenant, in the worst case.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Raises 55000 where Citus is loaded and this module is being loaded by a statement, whose planning it would
/// be too late for. REQUIRES: nothing is registered yet.
void refuse_late_load();

/// RETURNS whether Citus executes the plan, or a part of it.
bool is_distributed(const PlannedStmt *statement);

/// Does nothing where Citus isn't loaded. REQUIRES: called after other hooks of the planner are registered.
void register_distributed_queries();

}  // namespace tenancy::pg
