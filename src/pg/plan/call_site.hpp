// What planning has to know of a call before it puts a filter in its place: whether the arguments may be
// copied, and where in the query the call stands.
//
// A policy hands columns to its call, and the call is a condition that rows must satisfy. But anybody may
// call these functions anywhere: over a sub-select, an outer query's column, an aggregate, in a target list,
// below NOT.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Whether the argument is made of this row's columns and constants alone, by functions that may be evaluated
/// more than once or not at all. Everything else belongs to the place where it stands: a sub-select and what
/// it refers to, an outer query's column, an aggregate, a window or set-returning function, a placeholder.
/// False also for what is too large to be copied several times.
bool can_be_copied(Node *argument);

/// In ascending order of what may be assumed about the rows that get further.
enum class Place {
  /// The value itself may be shown, negated, compared.
  elsewhere,
  /// A policy's or a query's condition lets a row pass when the call is true, or for another reason: NULL and
  /// false make no difference there. The same call may stand elsewhere, too.
  alternative,
  /// A policy's or a query's condition that no row passes unless the call is true. What the same call is for
  /// other rows is asked by nobody.
  condition
};
Place place_of(const PlannerInfo *root, const FuncExpr *call);

/// Whether the call is made for rows of which row_visible() has been asked already, with the same columns.
bool is_for_visible_rows(const PlannerInfo *root, const FuncExpr *call);

}  // namespace tenancy::pg
