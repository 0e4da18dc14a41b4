// Who the session claims to be, as a number: a principal, a plan, a shape are found and checked by it.
// Nothing is verified here.
#pragma once

#include "pg/catalog/generation.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {

/// CACHES: the stamp, until a setting is assigned or the session's login changes.
class IdentityStamp {
 public:
  // The guard asks on each row, which is why this is inline.
  uint64 value() { return token_.valid() && session_user_ == GetSessionUserId() ? value_ : work_out(); }

 private:
  uint64 work_out();

  ParameterToken token_;
  Oid session_user_ = InvalidOid;
  uint64 value_ = 0;
};
extern IdentityStamp session_identity;

/// RETURNS a hash of all that says who the session is: the principal settings' texts, the session's login,
/// and whether the principal is suspended. The same in a parallel worker as in its leader.
inline uint64 identity_stamp() { return session_identity.value(); }

/// RETURNS what identity_stamp() would be with these texts.
uint64 identity_stamp_of(const PrincipalTexts &texts);

/// All that says who the session is, as a digest that no other identity has: secrets themselves are not kept.
struct IdentityKey {
  uint64 stamp;
  uint8 digest[PG_SHA256_DIGEST_LENGTH];
};
IdentityKey identity_key();

}  // namespace tenancy::pg
