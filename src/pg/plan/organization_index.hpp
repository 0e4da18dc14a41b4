// Use of an index on the organization for principals with many workspaces.
//
// An index on the workspace finds the newest rows of hundreds of workspaces only by reading and sorting all
// their rows. An index on organization and time returns them in order, and a page after a few rows. So
// "organization_id = ..." is added to the filter if the query wants the first rows in some order. Estimates
// ignore it (estimates.hpp), since the workspaces imply it.
//
// REQUIRES that a row's workspace implies its organization: the organization can't be NULL, and a foreign key
// contains both, or protect() was called with that assertion. Otherwise the plan would decide whether a row is
// visible. A wrong assertion can only hide rows: the comparison never adds one.
#pragma once

#include "pg/plan/row_filter_expression.hpp"

namespace tenancy::pg {

/// RETURNS whether the organization is added to this filter: a list of workspaces decides, the query wants
/// the first rows in some order, and the organization's column is reliable.
bool organization_helps(const PlannerInfo *root, const RowColumns &columns, const RowCondition &filter);

}  // namespace tenancy::pg
