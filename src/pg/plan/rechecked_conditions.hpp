#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Replaces paths that would evaluate these conditions on rows which an index returns, or only if it returns
/// any. `conditions`: of a relation with a filter; RestrictInfos that can be noticed, and no longer count as
/// leakproof.
void keep_from_rechecks(PlannerInfo *root, RelOptInfo *relation, const List *conditions);

}  // namespace tenancy::pg
