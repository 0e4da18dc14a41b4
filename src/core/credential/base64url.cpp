#include "core/credential/base64url.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::uint32_t no_digit = 64;

constexpr std::uint32_t digit_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return no_digit;
}

}  // namespace

std::optional<std::size_t> decode_base64url(std::string_view text, std::span<std::uint8_t> out) noexcept {
  if (text.size() % 4 == 1 || base64url_decoded_size(text.size()) > out.size()) return std::nullopt;
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char c : text) {
    const std::uint32_t value = digit_value(c);
    if (value == no_digit) return std::nullopt;
    bits = bits << 6 | value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out[size++] = static_cast<std::uint8_t>(bits >> bit_count);
      bits &= (1U << bit_count) - 1;
    }
  }
  // Surplus bits of the last digit must be zero, so that no two texts stand for the same bytes.
  if (bits != 0) return std::nullopt;
  return size;
}

void encode_base64url(std::span<const std::uint8_t> bytes, std::string &out) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  out.reserve(out.size() + bytes.size() / 3 * 4 + 4);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (bit_count += 8; bit_count >= 6; bit_count -= 6) out += digits[bits >> (bit_count - 6) & 63U];
  }
  if (bit_count > 0) out += digits[bits << (6 - bit_count) & 63U];
}

}  // namespace tenancy
