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
void validation_ends(const Node *command);
void all_validation_ends();

/// Called when a query has been analyzed, and before it is rewritten. Raises 28000 where it validates a
/// foreign key for an ALTER TABLE, cannot have the owner's exemption, and row security would hide rows of a
/// protected table from it.
void check_validation(const char *text, const Query *query);

/// Called before a query is planned. Takes the policies of its tables out of one that validates a foreign key
/// for an ALTER TABLE, as their owner.
void exempt_validation(const char *text, const Query *query);

}  // namespace tenancy::pg
