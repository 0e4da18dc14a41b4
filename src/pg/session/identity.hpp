// The identity that the session claims, as a number: principals, plans and rights profiles are found and
// checked with it. Nothing is verified here.
#pragma once

#include "core/credential/keyed_digest.hpp"
#include "pg/catalog/generation.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {

/// CACHES: the stamp, until a setting is assigned or the session's login changes.
class IdentityStamp {
 public:
  // Inline, since the plan guard calls it for each row.
  uint64 value() { return token_.valid() && session_user_ == GetSessionUserId() ? value_ : work_out(); }

 private:
  uint64 work_out();

  ParameterToken token_;
  Oid session_user_ = InvalidOid;
  uint64 value_ = 0;
};
extern IdentityStamp session_identity;

/// RETURNS a hash of everything that chooses the principal: the texts of the principal parameters, the
/// session's login, a claim, and whether the principal is suspended. The same in a parallel worker as in its
/// leader.
inline uint64 identity_stamp() { return session_identity.value(); }

/// RETURNS what identity_stamp() would be with these texts.
uint64 identity_stamp_of(const PrincipalTexts &texts);

/// `changed` is called whenever session_authorization has been set: who the session is may have changed, at
/// once. REQUIRES of it: no error, no catalog access.
void watch_session_user(void (*changed)());

/// A digest of everything that chooses the principal, by a random key of this session's own: different for
/// each identity, so that secrets themselves need not be cached.
struct IdentityKey {
  uint64 stamp;
  KeyedDigest::Digest digest;

  bool operator==(const IdentityKey &) const = default;
};
IdentityKey identity_key();

}  // namespace tenancy::pg
