// Tokens that stand for a user (OpenID Connect ID tokens, OAuth 2 access tokens): what an issuer's trust
// requires of the claims of a token that the issuer's key has signed.
#pragma once

#include <array>

#include "core/credential/json_object.hpp"

namespace tenancy {

/// The claim that says which user a token is of.
enum class SubjectClaim : std::uint8_t {
  sub,
  oid,   // of Microsoft Entra: a user of the tenant (tid) that the issuer names
  email  // where the issuer has verified it, and until the user's sub is linked
};

/// The configuration of an issuer.
struct IssuerTrust {
  std::string_view issuer;
  std::span<const std::string_view> audiences;           // none: tokens without an audience
  std::span<const std::string_view> authorized_parties;  // none: those that are audiences
  SubjectClaim subject = SubjectClaim::sub;
  std::string_view token_use;  // empty: tokens that don't say
  std::int64_t max_age = 0;    // seconds between issue and expiry
};

struct UserTokenClaims {
  std::string_view identity;  // the value that the issuer's trust identifies by; sub for email
  std::string_view email;     // empty unless verified
  std::array<std::string_view, 3> organization_names;  // all must agree with the organization
  std::size_t organization_count = 0;
  std::string_view workspace;  // empty for none
  JsonValue scopes;
  std::int64_t issued_at = 0;  // in seconds since 1970
  std::int64_t expires_at = 0;
};

/// Reads and checks the claims, at a time in microseconds since 1970. Returns nullptr, or the problem as a
/// sentence without full stop. It tells what the trust requires: only to those who may know of the trust.
/// Whatever the problem is, identity and email are read, and empty where the token names no subject.
/// REQUIRES: the signature is verified.
const char *read_user_token(const JsonObject &payload, const IssuerTrust &trust, std::int64_t now,
                            UserTokenClaims &claims) noexcept;

}  // namespace tenancy
