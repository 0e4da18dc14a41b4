// The compact form of a signed token (RFC 7515, section 7.1): header.payload.signature, each part base64url.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tenancy {

/// Longer tokens are rejected before anything is decoded.
inline constexpr std::size_t max_token_length = 16 * 1024;

struct CompactToken {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // the signed part: header and payload with the dot between
};

/// Splits a token into its three parts, none of them empty. Does not check that they are base64url.
std::optional<CompactToken> split_compact_token(std::string_view token) noexcept;

}  // namespace tenancy
