// Raises an error for an owner who would otherwise get a misleading empty result.
//
// Row security is forced, so a table's owner without a principal sees no rows of it: a data migration
// changes nothing and succeeds, a materialized view becomes empty, partitions are dropped with their rows.
// A role with the rights of the owner, or which bypasses row security elsewhere, expects to work on all
// rows, and gets an error instead. This concerns the outer user (which SET ROLE changes): readers through a
// view or a SECURITY DEFINER function of the owner see no rows, as without these.
#pragma once

#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// Called when a policy of a protected table is planned, with an expression on the table's columns. Raises
/// 28000 if the session has no principal and its outer user is such an owner, unless tenancy.filtered_owner
/// is set otherwise.
void check_filtered_owner(PlannerInfo *root, Node *columns, const Principal &principal);
/// Called before a query is analyzed, planned or executed. Drops plans that leave another outer user without
/// that error: those made in SECURITY DEFINER functions, which the server would use again after SET ROLE.
void outer_user_may_have_changed();

}  // namespace tenancy::pg
