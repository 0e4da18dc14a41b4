// Row filters: reads the principal's ids, has the core compute the predicate, and translates it to an
// expression.
#pragma once

#include "core/access/commands.hpp"
#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// Whether rows of the resource are in a catalog, whose row filter is in addition to a policy for DBAs.
bool is_of_catalog(const char *resource);

/// The permissions of which any one allows the command.
PermissionSet permissions_for(const char *resource, Command command);

/// Options as written in a policy: words with a space between. Raises 22023 for unknown ones.
RowShape row_options(const char *text);
/// The columns of a table with these options; nullptr for a missing column.
RowColumns row_columns(const RowShape &options, Node *organization, Node *workspace, Node *owner,
                       Node *api_key);

/// The filter for a call of row_visible(), payload_visible() or row_accepted(). Raises 22023 for an unknown
/// command. Constant false for an anonymous session, and if no tenant column is given.
RowCondition row_filter(Principal &principal, RowAnswer answer, const char *resource, const char *command,
                        const RowColumns &columns, const RowExpressionStyle &style = {});

/// RETURNS whether the filter for a call of row_visible() or row_accepted() is true of a row with these ids;
/// false also if that isn't certain.
bool is_row_accepted(Principal &principal, RowAnswer answer, const char *resource, Command command,
                     const RowColumns &columns, const RowIds &ids);

/// The rows for which one of the permissions is held, over own rows or all as data visibility has it.
RowCondition rows_with(Principal &principal, const PermissionSet &any_of, const RowColumns &columns);

/// workspace = one where any of the permissions is held, over own rows or all.
RowCondition authorized_workspaces(Principal &principal, const PermissionSet &any_of, Node *workspace);

}  // namespace tenancy::pg
