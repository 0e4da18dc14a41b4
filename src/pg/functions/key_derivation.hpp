// Keeps what is derived of an API key beside its secrets, see catalog/derived_key.hpp.
//
// By the protocol that derived rows need: lock the key, then, by a snapshot taken after that, read what it is
// derived from, and write. Whoever commits later has read the other's changes, at any isolation level: a
// right that has been taken away cannot stay in force because somebody else gave one meanwhile.
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// For the trigger of all catalogs, after a row or TRUNCATE: of api_key_secrets and api_key_scopes, and of
/// keys that have been removed. What is derived from these is derived anew, or taken away where somebody has
/// to ask for that (derive_key()). Updates of api_keys have a trigger of their own.
void follow_key_change(const TriggerData *trigger);

}  // namespace tenancy::pg
