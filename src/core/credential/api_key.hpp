// The text form of an API key's secret: prefix, 256 random bits, checksum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tenancy {

/// "pgt_" + 43 base62 digits of the random part + 6 base62 digits of its CRC-32: no character needs quoting
/// in a URL, a connection string or a shell, and secret scanners can know it by its prefix.
inline constexpr std::string_view api_key_prefix = "pgt_";
inline constexpr std::size_t api_key_random_bytes = 32;
inline constexpr std::size_t api_key_length = api_key_prefix.size() + 43 + 6;
/// Characters that may be shown: the prefix and the first four digits.
inline constexpr std::size_t api_key_display_length = api_key_prefix.size() + 4;

using ApiKeyText = std::array<char, api_key_length>;

/// The secret made from 32 bytes of the server's random source.
ApiKeyText format_api_key(std::span<const std::uint8_t, api_key_random_bytes> random) noexcept;

/// Whether the text is well-formed, including its checksum; detects typing errors without a look-up.
bool is_api_key(std::string_view text) noexcept;

/// The part of a setting's value that may be shown: the display prefix of a well-formed key, otherwise
/// nothing.
std::string_view api_key_display_prefix(std::string_view text) noexcept;

}  // namespace tenancy
