// Foreign keys of protected tables are validated over all rows, or the command is refused.
//
// The server validates a key by one query on both tables, with the rights of the current user: rows hidden
// from it would be missing, so that a key were valid although they violate it, or violated because of them.
// Where the command is known to run nobody else's code, the query gets the owner's exemption
// (owner_exemption.hpp).
#pragma once

#include "pg/server/compat.hpp"

namespace tenancy::pg {

/// RETURNS whether an ALTER TABLE that begins validates foreign keys and runs no code of users: it may have
/// the exemption. Where a table becomes a partition, that table gets its parent's keys beforehand, by
/// commands of their own, so that the server has none to validate.
bool validation_begins(const Node *command);
void validation_ends();

/// Called when a query has been analyzed, and before it is rewritten. Raises 28000 if it validates a foreign
/// key for an ALTER TABLE, and row security would hide rows of a protected table from it.
void check_validation(const char *text, const Query *query);

}  // namespace tenancy::pg
