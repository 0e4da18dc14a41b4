// The owner's exemption from forced row security stays with the query that it is for.
//
// The server runs referential actions, and we run work on a table (owner_work.cpp), with
// SECURITY_NOFORCE_RLS: the owner sees all rows of its tables although row security is forced. That is
// settled when the query is rewritten. What planning and execution call (triggers, functions, index
// predicates) would inherit the flag, and so read through any view or SECURITY DEFINER function of a
// protected table's owner what that owner itself may not see; a plan made meanwhile would even be kept. So
// the flag is off while a query is planned and executed.
//
// Rules are the exception to that: rewriting expands them, and the views that they read, into the exempted
// query itself. So a query that changes a table with rules has no exemption; where the table's row security
// is forced, it would then leave rows out, and is refused.
#pragma once

namespace tenancy::pg {

void register_owner_exemption();

}  // namespace tenancy::pg
