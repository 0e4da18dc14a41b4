// Rights that somebody takes on its own: by elevate() or accept_invitation(), in a group that is open to
// whoever syncs it, with a new secret of a key that was too old. They count once they are committed. Before
// that, they could be used and rolled back again and again, and neither an audit entry nor a count of how
// often they were taken would remain.
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct Principal;

/// Has the sessions of a user or an API key in an organization refused, until the transaction ends or the
/// part of it that took the rights is rolled back.
void note_taken_rights(const Uuid &organization, const Uuid &holder);

/// Raises 55000 for a principal whose rights were taken in this transaction.
void check_taken_rights(const Principal &principal);

void register_taken_rights();

}  // namespace tenancy::pg
