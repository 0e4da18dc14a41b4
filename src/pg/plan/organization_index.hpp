// Use of an index on the organization for principals with many workspaces.
//
// An index on the workspace finds the newest rows of hundreds of workspaces only by reading and sorting all
// their rows. An index on organization and time returns them in order, and a page after a few rows. So
// "organization_id = ..." is added to the filter if the query wants the first rows in some order. Estimates
// ignore it (estimates.hpp), since the workspaces imply it.
//
// REQUIRES that a row's workspace implies its organization: a foreign key contains both, and neither can be
// NULL. Otherwise the plan would decide whether a row is visible.
#pragma once

#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// RETURNS whether the organization is added to this filter: a list of workspaces decides, the query wants
/// the first rows in some order, and the organization's column is reliable.
bool organization_helps(const PlannerInfo *root, const RowColumns &columns, const RowCondition &filter);

}  // namespace tenancy::pg
