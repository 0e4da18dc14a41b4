// Claims: a node of a cluster resolves who its session is, and states that to another node, which accepts it
// by the cluster's key and needs no catalogs.
//
//   receiver  claim_challenge()  makes a challenge, which this session accepts one claim for
//   sender    sign_claim()       makes a claim of its session's principal for that challenge
//   receiver  accept_claim()     until the transaction ends, the claim is the principal, sealed
//
// The claim contains the challenge, and so holds in one session and once: whoever reads it elsewhere gains
// nothing by it. It ends with its transaction, and it ends soon: what has changed on the sender since counts
// by then (claim_lifetime). Its end is compared with the time at each statement, as that of any credential.
#pragma once

#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// How long a claim holds at the most, and a revocation on the sender is without effect on the receiver.
inline constexpr int64 claim_lifetime = 2 * SECS_PER_MINUTE * USECS_PER_SEC;
/// For a principal that reaches more workspaces than this, the claim has no list of them.
inline constexpr size_t claimed_workspaces = 4000;
/// The longest claim, as text.
inline constexpr size_t claim_size = 1024 * 1024;

/// The part of a claim's text that is signed, and what it is signed with; allocated in `context`. Nothing,
/// with a size of 0, for a text that is none.
struct SignedBytes {
  std::span<const uint8> bytes;
  const uint8 *signature;
};
SignedBytes signed_bytes_of(const char *text, size_t length, MemoryContext context);

/// The signature of a claim's bytes.
void sign_bytes(std::span<const uint8> bytes, std::span<const uint8> secret, uint8 *signature);

/// REQUIRES: is_claimed(). The claim was verified when it was accepted. Raises 28000 if it has expired.
void resolve_claim(Principal &principal, Access &access);

/// RETURNS a claim of the session's principal for the challenge of another session, or nullptr if this one
/// has made it. Raises 55000 where the node has no key.
text *sign_claim_for_other(const text *challenge);

/// Raises 28000 where tenancy.require_claims is on.
void check_claims_required();

}  // namespace tenancy::pg
