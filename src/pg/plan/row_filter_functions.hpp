// The functions that policies call, one row at a time; planning replaces them (row_filter_planner.cpp).
#pragma once

#include "pg/plan/row_filter.hpp"

namespace tenancy::pg {

/// The arguments of row_visible() and row_accepted(), in order. Optional ones follow: whether the
/// organization must agree where the workspace decides, and the other options of protect().
enum RowFunctionArgument : int {
  resource_argument,
  command_argument,
  first_column_argument,
  with_organization_argument = 6,
  options_argument = 7,
  row_function_arguments = 6
};

/// The columns among the arguments. A column that the table doesn't have is written as NULL, which has type
/// unknown.
RowColumns columns_of_arguments(const RowShape &options, Node *organization, Node *workspace, Node *owner,
                                Node *api_key);

}  // namespace tenancy::pg
