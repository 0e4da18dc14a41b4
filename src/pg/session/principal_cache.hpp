// The principals that the session has been lately.
//
// Behind a pool a server session is one principal after the other, and some of them again and again. What was
// worked out for one is kept until a catalog changes, and found by the identity that it was worked out for.
#pragma once

#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// All that says who the session is, as a digest: secrets themselves are not kept.
struct IdentityKey {
  uint64 stamp;
  uint8 digest[PG_SHA256_DIGEST_LENGTH];
};
IdentityKey identity_key();

/// The principal worked out for this identity, if it still holds; else nullptr. Drops what is large of the
/// others.
Principal *cached_principal(const IdentityKey &identity);

/// Takes the principal, whose memory context becomes the cache's.
void cache_principal(const IdentityKey &identity, Principal *principal);

void forget_cached_principals();

}  // namespace tenancy::pg
