// Which relations of a statement that is being planned hold a policy of ours, and what it became.
//
// A condition is known as ours by having been made here, never by where it stands: a policy of somebody
// else's can stand before ours.
#pragma once

#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// A call of row_visible() on the columns has become the filter, with its guard. `implied`: that one of its
/// comparisons which follows from the others; or nullptr.
void note_row_filter(PlannerInfo *root, const RowColumns &columns, Expr *filter, Expr *implied);

/// Whether anything has been noted of the statement that root is a part of. Asked of whatever is planned.
bool is_filter_planned(const PlannerInfo *root);

/// Whether a policy that the relation is read under, be it its own or that of a table that it is a part of,
/// has been replaced by a filter of ours.
bool has_row_filter(PlannerInfo *root, const RelOptInfo *relation);

/// The policies that a relation is read under, with its own columns for those of the table that it is a part
/// of.
struct RowFilters {
  bool all_ours;      // there are policies, and each is one call of row_visible() that has been replaced
  bool all_equal;     // each says nothing but that columns equal something
  List *comparisons;  // these, of all policies: OpExpr, or ScalarArrayOpExpr (equal to any of a list)
  List *implied;      // comparisons that follow from these, and aren't among them
  List *others;       // conditions of other forms
};
RowFilters row_filters_of(PlannerInfo *root, const RelOptInfo *relation);

/// Whether the expression is column = value or column = ANY (values).
bool is_equality(const Node *clause);

/// Whether the expression is a shared plan's id of the principal: filter_id('...').
bool is_filter_id(const Node *node);

/// The column of the relation that a comparison of RowFilters is about.
AttrNumber column_compared(const Node *comparison);

}  // namespace tenancy::pg
