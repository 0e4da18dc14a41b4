// Rights that somebody takes on its own: by elevate() or accept_invitation(), in a group that is open to
// whoever syncs it, with a new secret of a key that was too old. They count once they are committed. Before
// that, they could be used and rolled back again and again, and neither an audit entry nor a count of how
// often they were taken would remain.
//
// They are noted in a parameter, which parallel workers have, and which is undone at the end of the
// transaction, or of the part of it that is rolled back.
#pragma once

#include <span>

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct Principal;

/// Has the sessions of users or API keys in an organization refused meanwhile.
void note_taken_rights(const Uuid &organization, std::span<const Uuid> holders);

/// Raises 55000 for a principal whose rights were taken in this transaction.
void check_taken_rights(const Principal &principal);

/// The same for a user or API key in an organization.
void check_taken_rights(const Uuid &organization, const Uuid &holder);

}  // namespace tenancy::pg
