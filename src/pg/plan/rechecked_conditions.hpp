#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether evaluation of the expression can run users' code.
bool runs_users_code(Node *expression);

/// Replaces paths that would evaluate these conditions on rows which an index returns. `conditions`: of a
/// relation with a filter; RestrictInfos that run users' code, and no longer count as leakproof.
void keep_from_rechecks(PlannerInfo *root, RelOptInfo *relation, const List *conditions);

}  // namespace tenancy::pg
