// The context of a call, which planning checks before it replaces the call with a filter: whether the
// arguments may be copied, and where in the query the call is.
//
// A policy passes columns to its call, which is a condition on rows. But every role may call these
// functions anywhere: on a sub-select, an outer query's column, an aggregate, in a target list, below NOT.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Whether the argument consists of this row's columns and constants, with functions that may be evaluated
/// more than once or not at all. Everything else is bound to its place: a sub-select and its references, an
/// outer query's column, an aggregate, a window or set-returning function, a placeholder. Also false if the
/// argument is too large to be copied several times.
bool can_be_copied(Node *argument);

/// In ascending order of what may be assumed about rows that pass.
enum class Place {
  /// The value itself may be shown, negated, compared.
  elsewhere,
  /// A condition of a policy or query: rows pass if the call is true, or for another reason. NULL and false
  /// are equivalent there. The same call may also be elsewhere.
  alternative,
  /// A condition of a policy or query without which no row passes. The call's value for other rows does not
  /// matter.
  condition
};
/// `is_in_check`: the call has been found in a policy's WITH CHECK.
Place place_of(const PlannerInfo *root, const FuncExpr *call, bool is_in_check);

/// Whether both calls are the same function with equal arguments.
bool is_same_call(const FuncExpr *one, const FuncExpr *call);

/// Whether the call is only evaluated on rows that have passed row_visible() with the same columns.
bool is_for_visible_rows(const PlannerInfo *root, const FuncExpr *call);

}  // namespace tenancy::pg
