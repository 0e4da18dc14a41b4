// Own rows first where the filter leaves a choice: all rows of some workspaces, or own rows of others.
//
// Each side says that columns equal something, so that a side's rows are found by an index that begins with
// its columns, and a query's own condition may be a condition of that index (index_promotion.hpp). The sides
// are combined by a bitmap.
#pragma once

#include "pg/plan/protected_relation.hpp"

namespace tenancy::pg {

/// Adds a path that uses some of the conditions, RestrictInfos that could not be index conditions so far, in
/// an index of own rows. REQUIRES filters.all_ours.
void add_paths_of_choice(PlannerInfo *root, RelOptInfo *relation, const RowFilters &filters,
                         const RangeTblEntry *entry, const List *conditions);

}  // namespace tenancy::pg
