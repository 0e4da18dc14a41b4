// The functions that policies call, one row at a time; planning replaces them (row_filter_planner.cpp).
#pragma once

#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// The arguments of row_visible() and row_accepted(), in order. There can be more: whether the organization
/// must agree where the workspace decides, and then what protect() was told besides.
enum RowFunctionArgument : int {
  resource_argument,
  command_argument,
  first_column_argument,
  with_organization_argument = 6,
  options_argument = 7,
  row_function_arguments = 6
};

/// Whether the function lets rows be seen, or their payload, or be left behind.
enum class RowFunction { visible, payload, accepted };

/// The columns among the arguments. A column that the table doesn't have is written as NULL, which has type
/// unknown.
RowColumns columns_of_arguments(Node *organization, Node *workspace, Node *owner, Node *api_key);

/// Options as they are written in a policy: words with a space between. Raises 22023 on others.
RowOptions row_options(const char *text);

/// Rows that don't name their organization, beside those that the filter reaches
/// (rows_without_organization.cpp).
RowCondition with_rows_without_organization(Principal &principal, const char *resource, Command command,
                                            const RowColumns &columns, bool with_organization,
                                            const RowCondition &filter);
/// The same of what UPDATE may leave behind.
RowCondition with_updates_without_organization(Principal &principal, const char *resource, Command command,
                                               const RowColumns &columns, const RowCondition &filter);

/// The filter that stands for a call. Raises 22023 on a command that doesn't exist.
RowCondition filter_of_call(Principal &principal, RowFunction function, const char *resource,
                            const char *command, const RowColumns &columns, bool with_organization);

}  // namespace tenancy::pg
