// The ids of a row that an INSERT writes, where planning knows them.
#pragma once

#include "core/access/row_predicate.hpp"
#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// RETURNS the principal's id for a call of current_organization_id() or its like, as a constant; nullptr for
/// any other expression.
Const *principals_id(const Expr *value, const Principal &principal);

struct KnownRow {
  RowIds ids;
  TargetEntry *values[row_column_count];  // nullptr for a missing column
};

/// RETURNS false unless the statement writes one row as its target list has it, with a constant of type uuid,
/// NULL or a call for the principal's id in each of these columns. REQUIRES: the call of a check is being
/// simplified, so that its target list has been.
bool find_known_row(const PlannerInfo *root, const RowColumns &columns, const Principal &principal,
                    KnownRow &found);

/// Replaces calls for the principal's ids in the row by what its check has been decided with.
void keep_known_ids(const KnownRow &row, const Principal &principal);

/// The guard that remains of the check of a row with known ids.
Expr *guard_of_known_row(Const *stamp, Const *not_after);

}  // namespace tenancy::pg
