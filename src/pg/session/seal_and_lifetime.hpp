// Protection of the principal against being replaced, and against outliving its transaction.
//
// tenancy.seal(): until the transaction ends the principal can't change. Commands that set or reset it are
// refused; changes without a check hook (set_config() with NULL, the end of a function with a SET clause,
// ROLLBACK TO) are detected at the next use.
//
// tenancy.principal_lifetime = transaction: a transaction's settings are reset before it commits, so that
// behind a pooler the connection's next client inherits no principal. On abort the server does that by
// itself.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct Principal;

void register_principal_safety();

/// REQUIRES: the settings haven't been defined yet; those made so far are placeholders, which are unchecked.
/// Raises 55000 when the principal's lifetime is a transaction and an earlier one has left a principal
/// behind.
void refuse_stale_placeholders();

/// For the parameters' check hook: RETURNS false, with SQLSTATE 42501, while the principal is sealed.
/// Records what a session sets.
bool may_change_principal(GucSource source);

/// Keeps the principal as it is, or as it has become by the extension's own doing.
/// With nullptr it is who it is found to be next.
void seal_principal(const Principal *principal);
bool is_sealed();

/// Raises 42501 when the principal isn't the sealed one.
void check_seal();
/// The same of one that has been resolved anew from the same settings.
void check_sealed(const Principal &principal);

}  // namespace tenancy::pg
