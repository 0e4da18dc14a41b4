// The session's recent principals.
//
// Behind a pool a session has one principal after the other, some of them repeatedly. Each is cached until
// a catalog changes, under the identity that it was resolved for.
#pragma once

#include "pg/session/identity.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// RETURNS the valid principal cached for this identity, or nullptr. Frees large ones of other identities.
Principal *cached_principal(const IdentityKey &identity);

/// CACHES: the principal, whose memory context becomes the cache's, by its own token and expiry.
void cache_principal(const IdentityKey &identity, Principal *principal);

}  // namespace tenancy::pg
