// Foreign keys of protected tables are validated over all rows, or the command is refused.
//
// The server validates a key by one query on both tables, with the rights of the current user: rows hidden
// from it would be missing, so that a key were valid although they violate it, or violated because of them.
// That query gets the owner's exemption (owner_exemption.hpp), unless it contains constants of users' types.
#pragma once

#include "pg/server/compat.hpp"

namespace tenancy::pg {

/// An ALTER TABLE begins, and may validate foreign keys. Where a table becomes a partition, that table gets
/// its parent's keys beforehand, by commands of their own, so that the server has none to validate.
void validation_begins(const Node *command);
void validation_ends();

/// Called when a query has been analyzed, and before it is rewritten. RETURNS whether it validates a foreign
/// key for an ALTER TABLE, and is to have the owner's exemption. Raises 28000 where it is not to have it, and
/// row security would hide rows of a protected table from it.
bool is_exempt_validation(const char *text, Query *query);

}  // namespace tenancy::pg
