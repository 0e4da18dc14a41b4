#include "core/credential/token_claims.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using std::string_view;
using Kind = JsonValue::Kind;

constexpr double end_of_9999 = 253402300799;
constexpr std::int64_t microseconds = 1'000'000;
constexpr std::size_t max_name_length = 63;  // of a resource or action

constexpr bool is_scope_claim(const JsonValue &value) noexcept {
  return value.kind == Kind::absent || value.kind == Kind::text || value.kind == Kind::texts;
}

bool same_words(const JsonValue &a, const JsonValue &b) noexcept {
  ScopeWords words_a(a), words_b(b);
  for (;;) {
    const string_view one = words_a.next(), other = words_b.next();
    if (one != other) return false;
    if (one.empty()) return true;
  }
}

constexpr std::array<string_view, 3> organization_names = {"organization_id", "organisation_id",
                                                           "portkey_oid"};
constexpr std::array<string_view, 2> workspace_names = {"workspace_slug", "portkey_workspace"};
// Other signers use this word for their own things: it counts where no other claim names a workspace.
constexpr std::array<string_view, 1> other_workspace_names = {"workspace"};
// The signer's name for its user; recorded, and never an identity.
constexpr std::array<string_view, 3> subject_names = {"sub", "email_id", "uid"};
// The last is that of Microsoft Entra and Okta.
constexpr std::array<string_view, 3> scope_names = {"scope", "scopes", "scp"};

// A text claim with several names.
const char *read_text(const JsonObject &payload, std::span<const string_view> names, string_view &text,
                      const char *missing, const char *contradicts) noexcept {
  text = {};
  for (const string_view name : names) {
    const JsonValue value = payload[name];
    if (!value.is_given()) continue;
    if (!value.is_text() || value.text.empty()) return missing;
    if (!text.empty() && value.text != text) return contradicts;
    text = value.text;
  }
  return text.empty() ? missing : nullptr;
}

std::span<const string_view> workspace_claims(const JsonObject &payload) noexcept {
  for (const string_view name : workspace_names)
    if (payload[name].is_given()) return workspace_names;
  return other_workspace_names;
}

string_view read_subject(const JsonObject &payload) noexcept {
  for (const string_view name : subject_names)
    if (const JsonValue value = payload[name]; value.is_text() && !value.text.empty()) return value.text;
  return {};
}

// The form of registered names; nothing else needs a look-up.
bool is_name(string_view text) noexcept {
  if (text.empty() || text.size() > max_name_length || text.front() < 'a' || text.front() > 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

const char *read_scope_claim(const JsonObject &payload, JsonValue &scopes) noexcept {
  scopes = {};
  for (const string_view name : scope_names) {
    const JsonValue value = payload[name];
    if (!is_scope_claim(value)) return "its scopes (scope) are neither a text nor a list";
    if (!value.is_given()) continue;
    if (scopes.is_given() && !same_words(scopes, value)) return "its scopes contradict each other";
    scopes = value;
  }
  return nullptr;
}

std::optional<std::int64_t> numeric_date(const JsonValue &value, Rounding rounding) noexcept {
  if (value.kind != Kind::number || value.text.starts_with('-')) return std::nullopt;
  double seconds = 0;
  const char *end = value.text.data() + value.text.size();
  const auto [stopped, error] = std::from_chars(value.text.data(), end, seconds);
  // Also false for anything that isn't a number.
  if (error != std::errc{} || stopped != end || !(seconds >= 0 && seconds <= end_of_9999))
    return std::nullopt;
  return static_cast<std::int64_t>(rounding == Rounding::down ? std::floor(seconds) : std::ceil(seconds));
}

const char *read_token_claims(const JsonObject &payload, TokenClaims &claims) noexcept {
  claims = {};
  const char *problem =
      read_text(payload, organization_names, claims.organization,
                "it names no organization (organization_id)", "its organizations contradict each other");
  if (problem == nullptr)
    problem = read_text(payload, workspace_claims(payload), claims.workspace,
                        "it names no workspace (workspace_slug)", "its workspaces contradict each other");
  if (problem == nullptr) problem = read_scope_claim(payload, claims.scopes);
  if (problem != nullptr) return problem;

  const auto expires_at = numeric_date(payload["exp"], Rounding::down);
  if (!expires_at) return "it has no valid time of expiry (exp)";
  claims.expires_at = *expires_at;
  if (const JsonValue value = payload["nbf"]; value.is_given()) {
    const auto not_before = numeric_date(value, Rounding::up);
    if (!not_before) return "its start (nbf) is no valid time";
    claims.not_before = *not_before;
  }
  claims.issuer = payload["iss"];
  claims.audience = payload["aud"];
  claims.subject = read_subject(payload);
  return nullptr;
}

std::int64_t token_not_after(const TokenClaims &claims) noexcept {
  return (claims.expires_at + clock_skew_seconds) * microseconds;
}

const char *check_token_time(const TokenClaims &claims, std::int64_t now) noexcept {
  if (now >= token_not_after(claims)) return "it has expired (exp)";
  if (now < (claims.not_before - clock_skew_seconds) * microseconds) return "it is not valid yet (nbf)";
  return nullptr;
}

bool claim_names(const JsonValue &claim, string_view text) noexcept {
  if (claim.kind == Kind::texts)
    return std::find(claim.texts.begin(), claim.texts.end(), text) != claim.texts.end();
  return claim.is_text() && claim.text == text;
}

string_view ScopeWords::next() noexcept {
  // Each text of a list is one word: with a blank in it, it is no scope.
  if (claim_.kind == Kind::texts) {
    while (list_index_ < claim_.texts.size())
      if (const string_view word = claim_.texts[list_index_++]; !word.empty()) return word;
    return {};
  }
  if (!claim_.is_text()) return {};
  const std::size_t start = claim_.text.find_first_not_of(' ', text_index_);
  if (start == string_view::npos) return {};
  text_index_ = std::min(claim_.text.find(' ', start), claim_.text.size());
  return claim_.text.substr(start, text_index_ - start);
}

std::optional<Scope> scope_of_word(string_view word) noexcept {
  constexpr string_view prefix = "portkey.";
  // Only as a prefix of both, so that a resource may have that name.
  if (word.starts_with(prefix) && word.find('.', prefix.size()) != string_view::npos)
    word.remove_prefix(prefix.size());
  const std::size_t dot = word.find('.');
  if (dot == string_view::npos) return std::nullopt;
  const Scope scope{word.substr(0, dot), word.substr(dot + 1)};
  if (!is_name(scope.resource) || !is_name(scope.action)) return std::nullopt;
  return scope;
}

}  // namespace tenancy
