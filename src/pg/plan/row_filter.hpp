// Row filters: reads what a filter depends on, asks the core once, and writes the answer as an expression.
#pragma once

#include "core/access/commands.hpp"
#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// The permissions of which any one allows the command.
PermissionSet permissions_for(const char *resource, Command command);

/// Options as they are written in a policy: words with a space between. Raises 22023 on others.
RowShape row_options(const char *text);
/// The columns of a table with these options; nullptr for one that it doesn't have.
RowColumns row_columns(const RowShape &options, Node *organization, Node *workspace, Node *owner,
                       Node *api_key);

/// The filter for what a call of row_visible(), payload_visible() or row_accepted() names. Raises 22023 on a
/// command that doesn't exist. Constant false where the principal is nobody or nothing says whose a row is.
RowCondition row_filter(Principal &principal, RowAnswer answer, const char *resource, const char *command,
                        const RowColumns &columns, const RowExpressionStyle &style = {});

/// workspace = one where any of the permissions is held, over own rows or all.
RowCondition authorized_workspaces(Principal &principal, const PermissionSet &any_of, Node *workspace);

}  // namespace tenancy::pg
