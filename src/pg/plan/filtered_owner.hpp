// An owner who would take an empty answer for the truth gets an error instead.
//
// Row security is forced, so a table's owner without a principal sees no rows of it: a data migration changes
// nothing and succeeds, a materialized view is emptied, partitions are dropped with their rows. Whoever holds
// the rights of the owner, or bypasses row security elsewhere, works on all rows, and is told that there are
// none to see. That is the outer user, the one that SET ROLE gives: a visitor who reads through a view or a
// SECURITY DEFINER function of the owner sees no rows, as without these.
#pragma once

#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// To be called when a policy of a protected table is planned, with an expression over the table's columns.
/// Raises 28000 where the session has no principal and its outer user is such an owner, unless
/// tenancy.filtered_owner says otherwise.
void check_filtered_owner(PlannerInfo *root, Node *columns, const Principal &principal);

}  // namespace tenancy::pg
