// An index on the organization, for who belongs to many workspaces.
//
// The newest rows of hundreds of workspaces: by an index on the workspace all their rows are read, and
// sorted. By one on the organization and the time they come in order, and a page of them is there after a
// few. So "organization_id = ..." is added to the filter, where the query wants the first rows in some order.
// It is taken for no restriction (estimates.hpp), since the workspaces say as much: estimates stay what they
// are.
//
// Only where a row's workspace does say its organization: the organization can't be absent, and a foreign key
// has both, or whoever protected the table vouched for it. Else rows would be hidden or not as the query
// goes. Where a vow is false, no more than that happens: the comparison only takes rows away.
#pragma once

#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// Whether the organization is to be added to this filter: a list of workspaces decides, the query wants the
/// first rows in some order, and the organization's column can be trusted.
bool organization_helps(const PlannerInfo *root, const RowColumns &columns, const RowCondition &filter);

}  // namespace tenancy::pg
