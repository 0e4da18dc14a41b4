// The functions that policies call, one row at a time; planning replaces them (row_filter_planner.cpp).
#pragma once

#include "pg/row_filter_expression.hpp"

namespace tenancy::pg {

/// The arguments of row_visible() and row_accepted(), in order.
/// row_visible() can have one more: whether the organization must agree where the workspace decides.
enum RowFunctionArgument : int {
  resource_argument,
  command_argument,
  first_column_argument,
  with_organization_argument = 6,
  row_function_arguments = 6
};

/// Whether the function lets rows be seen, or their payload, or be left behind.
enum class RowFunction { visible, payload, accepted };

/// The columns among the arguments. A column that the table doesn't have is written as NULL, which has type
/// unknown.
RowColumns columns_of_arguments(Node *organization, Node *workspace, Node *owner, Node *api_key);

/// The filter that stands for a call. Raises 22023 on a command that doesn't exist.
RowCondition filter_of_call(Principal &principal, RowFunction function, const char *resource,
                            const char *command, const RowColumns &columns, bool with_organization);

}  // namespace tenancy::pg
