// base64url without padding (RFC 4648, section 5; RFC 7515, section 2), as tokens and keys are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tenancy {

/// How many bytes a text of this length stands for, at the most.
constexpr std::size_t base64url_decoded_size(std::size_t length) noexcept {
  return length / 4 * 3 + length % 4 * 3 / 4;
}

/// Decodes into `out` and says how many bytes there are. Nothing but the one canonical spelling is taken: no
/// padding, no blanks, no bits left over. Empty as well when `out` is too small.
std::optional<std::size_t> decode_base64url(std::string_view text, std::span<std::uint8_t> out) noexcept;

}  // namespace tenancy
