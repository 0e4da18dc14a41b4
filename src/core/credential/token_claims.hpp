// A token's claims (RFC 7519): audience, place, scopes, and validity.
#pragma once

#include <optional>

#include "core/access/scopes.hpp"
#include "core/credential/json_object.hpp"

namespace tenancy {

/// Tolerated difference between the signer's clock and ours.
inline constexpr std::int64_t clock_skew_seconds = 30;

struct TokenClaims {
  std::string_view organization;
  std::string_view workspace;
  JsonValue scopes;  // see next_scope()
  JsonValue issuer;
  JsonValue audience;
  std::string_view subject;     // empty for none
  std::int64_t not_before = 0;  // in seconds since 1970, as the narrower of two readings
  std::int64_t expires_at = 0;
};

/// Reads the claims. Returns nullptr, or the problem, for a log. If a claim has two spellings, a token may
/// use either, or both with the same value.
const char *read_token_claims(const JsonObject &payload, TokenClaims &claims) noexcept;

/// Reads the claim of scopes, with either spelling. Returns nullptr, or the problem, for a log.
const char *read_scope_claim(const JsonObject &payload, JsonValue &scopes) noexcept;

/// Seconds since 1970 of a NumericDate, which may have a fraction; empty for other values, and for times
/// outside of the years 1970 to 9999.
enum class Rounding : std::uint8_t { down, up };
std::optional<std::int64_t> numeric_date(const JsonValue &value, Rounding rounding) noexcept;

/// Whether the claims are valid at a time, in microseconds since 1970. Returns nullptr, or the problem, for
/// a log.
const char *check_token_time(const TokenClaims &claims, std::int64_t now) noexcept;
/// The time from which the claims are no longer valid.
std::int64_t token_not_after(const TokenClaims &claims) noexcept;

/// Whether the claim is this text or, as for an audience, a list that contains it.
bool claim_names(const JsonValue &claim, std::string_view text) noexcept;

/// Iterates over a scope claim: a text with blanks, or a list of texts.
class ScopeWords {
 public:
  explicit ScopeWords(const JsonValue &claim) noexcept : claim_(claim) {}
  /// The next word; empty at the end.
  std::string_view next() noexcept;

 private:
  JsonValue claim_;
  std::size_t list_index_ = 0;
  std::size_t text_index_ = 0;
};

/// The permission named by a scope's word: resource.action, with or without "portkey." as prefix. Does not
/// check that it is registered.
std::optional<Scope> scope_of_word(std::string_view word) noexcept;

}  // namespace tenancy
