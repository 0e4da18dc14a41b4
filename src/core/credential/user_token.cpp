#include "core/credential/user_token.hpp"

#include <algorithm>

#include "core/credential/token_claims.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using std::string_view;
using Kind = JsonValue::Kind;

constexpr std::size_t max_identity_length = 255;

bool contains(std::span<const string_view> texts, string_view text) noexcept {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool is_some_text(const JsonValue &value) noexcept { return value.is_text() && !value.text.empty(); }

// Tokens of other kinds that the same key signs, and those that are worth something only with a proof of
// possession.
const char *check_kind(const JsonObject &payload, const IssuerTrust &trust) noexcept {
  if (payload["events"].is_given()) return "It is a security event token";
  if (payload["cnf"].is_given()) return "It is bound to a key of its holder, which cannot be checked here";
  // Keycloak's; its tokens for refreshing and logging out are others.
  if (const JsonValue type = payload["typ"]; type.is_given())
    if (!type.is_text() || (type.text != "ID" && type.text != "Bearer" && type.text != "JWT"))
      return "It is neither an ID token nor an access token";
  const JsonValue use = payload["token_use"];
  if (use.is_given() ? !use.is_text() || use.text != trust.token_use : !trust.token_use.empty())
    return "Its use (token_use) is not the one that is trusted";
  return nullptr;
}

const char *check_audience(const JsonObject &payload, const IssuerTrust &trust) noexcept {
  const JsonValue audience = payload["aud"];
  bool is_meant = false, are_several = false;
  if (audience.kind == Kind::texts) {
    are_several = audience.texts.size() > 1;
    is_meant = std::any_of(audience.texts.begin(), audience.texts.end(),
                           [&](string_view text) { return contains(trust.audiences, text); });
  } else {
    is_meant = audience.is_text() && contains(trust.audiences, audience.text);
  }
  if (trust.audiences.empty() ? audience.is_given() : !is_meant) return "Its audience (aud) is another";

  // For which client it was issued, as the providers call it.
  const auto parties = trust.authorized_parties.empty() ? trust.audiences : trust.authorized_parties;
  bool has_party = false;
  for (const char *name : {"azp", "client_id", "appid", "cid"}) {
    const JsonValue party = payload[name];
    if (!party.is_given()) continue;
    has_party = true;
    if (!party.is_text() || !contains(parties, party.text)) return "It was issued to another client";
  }
  if (!has_party && (are_several || trust.audiences.empty()))
    return "It does not say to which client it was issued";
  return nullptr;
}

const char *read_times(const JsonObject &payload, const IssuerTrust &trust, std::int64_t now,
                       UserTokenClaims &claims) noexcept {
  const auto expires_at = numeric_date(payload["exp"], Rounding::down);
  const auto issued_at = numeric_date(payload["iat"], Rounding::down);
  if (!expires_at) return "It has no valid time of expiry (exp)";
  if (!issued_at) return "It has no valid time of issue (iat)";
  TokenClaims times{};
  times.expires_at = *expires_at;
  // Both begin to count at their moment: neither before it was issued, nor before it says so.
  times.not_before = *issued_at;
  if (const JsonValue value = payload["nbf"]; value.is_given()) {
    const auto not_before = numeric_date(value, Rounding::up);
    if (!not_before) return "Its start (nbf) is no valid time";
    times.not_before = std::max(times.not_before, *not_before);
  }
  if (now >= token_not_after(times)) return "It has expired (exp)";
  if (check_token_time(times, now) != nullptr) return "It is not valid yet (iat, nbf)";
  if (*expires_at - *issued_at > trust.max_age) return "It is valid for longer than is trusted";
  claims.issued_at = *issued_at;
  claims.expires_at = *expires_at;
  return nullptr;
}

const char *read_identity(const JsonObject &payload, const IssuerTrust &trust,
                          UserTokenClaims &claims) noexcept {
  const JsonValue identity = payload[trust.subject == SubjectClaim::oid ? "oid" : "sub"];
  if (!is_some_text(identity) || identity.text.size() > max_identity_length)
    return trust.subject == SubjectClaim::oid ? "It names no subject (oid)" : "It names no subject (sub)";
  if (trust.subject == SubjectClaim::oid) {
    // An object id identifies within its tenant.
    const JsonValue tenant = payload["tid"];
    if (!is_some_text(tenant) || trust.issuer.find(tenant.text) == string_view::npos)
      return "Its tenant is not the issuer's";
  }
  claims.identity = identity.text;
  // Nothing else identifies: not an address that the issuer has not verified, nor one in another claim.
  if (const JsonValue email = payload["email"]; is_some_text(email) && payload["email_verified"].is_true())
    claims.email = email.text;
  return nullptr;
}

// Claims of the place, which may only agree.
const char *read_place(const JsonObject &payload, UserTokenClaims &claims) noexcept {
  std::size_t count = 0;
  for (const char *name : {"organization_id", "organisation_id", "portkey_oid"}) {
    const JsonValue organization = payload[name];
    if (!organization.is_given()) continue;
    if (!is_some_text(organization)) return "It names an organization that does not exist";
    claims.organization_names[count++] = organization.text;
  }
  claims.organization_count = count;
  for (const char *name : {"workspace_slug", "portkey_workspace"}) {
    const JsonValue workspace = payload[name];
    if (!workspace.is_given()) continue;
    if (!is_some_text(workspace)) return "It names a workspace that does not exist";
    if (!claims.workspace.empty() && claims.workspace != workspace.text)
      return "Its workspaces contradict each other";
    claims.workspace = workspace.text;
  }
  return read_scope_claim(payload, claims.scopes) == nullptr ? nullptr : "Its scopes (scope) cannot be read";
}

}  // namespace

const char *read_user_token(const JsonObject &payload, const IssuerTrust &trust, std::int64_t now,
                            UserTokenClaims &claims) noexcept {
  claims = {};
  const JsonValue issuer = payload["iss"];
  if (!issuer.is_text() || issuer.text != trust.issuer) return "Its issuer is another";
  const char *nameless = read_identity(payload, trust, claims);
  const char *problem = check_kind(payload, trust);
  if (problem == nullptr) problem = check_audience(payload, trust);
  if (problem == nullptr) problem = read_times(payload, trust, now, claims);
  if (problem == nullptr) problem = nameless;
  if (problem == nullptr) problem = read_place(payload, claims);
  return problem;
}

}  // namespace tenancy
