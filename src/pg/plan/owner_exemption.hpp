// Limits the owner's exemption from forced row security to the query it is for.
//
// The server runs referential actions with SECURITY_NOFORCE_RLS: the owner sees all rows of its tables
// although row security is forced. The flag takes effect when the query is rewritten. Code called during
// planning and execution (triggers, functions, index predicates) would inherit it, and could read, through
// any view or SECURITY DEFINER function of a protected table's owner, rows that this owner itself may not
// see; a plan made meanwhile could even be cached. So the flag is cleared while a query is planned and
// executed.
//
// Code of users also runs before that: input functions of their types read constants when a statement is
// analyzed, and the server loads a partition key whenever it first needs it. So our own work on a table
// (owner_work.cpp) does not set the flag: its statement is recognized by its text, and planning takes the
// policies of the owner's tables out of it; likewise the query that validates a foreign key
// (key_validation.hpp).
//
// Rules are the exception: rewriting expands them, and the views that they read, into the exempted query
// itself. So a query that changes a table with rules has no exemption; if the table's row security is
// forced, it would omit rows, and is refused.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Has code that foreign keys' actions set off run in a security-restricted operation, or no longer. RETURNS
/// what was in force.
bool restrict_actions(bool restricted);

/// Runs work in which statements of this text, as the current user, see all rows of its tables.
void run_exempt(const char *text, void (*work)(void *), void *argument);

/// RETURNS whether a query of this text, about to be executed, has the exemption.
bool is_work_of_server(const char *text);

void register_owner_exemption();

/// Whether the query being executed has the owner's exemption: for what it calls directly, such as its BEFORE
/// triggers. Also true where that can't be known, since the module has been loaded in this transaction.
bool may_be_exempt();

}  // namespace tenancy::pg
