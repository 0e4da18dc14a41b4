// base64url without padding (RFC 4648, section 5; RFC 7515, section 2), as tokens and keys are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tenancy {

/// The largest number of bytes that a text of this length can stand for.
constexpr std::size_t base64url_decoded_size(std::size_t length) noexcept {
  return length / 4 * 3 + length % 4 * 3 / 4;
}

/// Decodes into `out`; returns the number of bytes. REJECTS all but the one canonical spelling: padding,
/// blanks, surplus bits. Also returns nothing if `out` is too small.
std::optional<std::size_t> decode_base64url(std::string_view text, std::span<std::uint8_t> out) noexcept;

/// Appends the one spelling that decodes to these bytes.
void encode_base64url(std::span<const std::uint8_t> bytes, std::string &out);

}  // namespace tenancy
