// The principals that the session has had lately.
//
// Behind a pool a server session has one principal after the other, and some of them again and again. What
// was worked out for one is kept until a catalog changes, and found by the identity that it was worked out
// for.
#pragma once

#include "pg/session/identity.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// RETURNS the principal worked out for this identity, if it still holds; else nullptr. Drops what is large
/// of the others.
Principal *cached_principal(const IdentityKey &identity);

/// CACHES: the principal, whose memory context becomes the cache's, by its own token and expiry.
void cache_principal(const IdentityKey &identity, Principal *principal);

}  // namespace tenancy::pg
