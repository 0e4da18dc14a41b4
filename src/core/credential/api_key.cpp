#include "core/credential/api_key.hpp"

#include <algorithm>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_digits = 43;   // 62^43 > 2^256
constexpr std::size_t checksum_digits = 6;  // 62^6 > 2^32

// CRC-32 (IEEE 802.3), four bits at a time.
constexpr std::array<std::uint32_t, 16> crc_steps = [] {
  std::array<std::uint32_t, 16> steps{};
  for (std::uint32_t i = 0; i < steps.size(); ++i) {
    steps[i] = i;
    for (int bit = 0; bit < 4; ++bit) steps[i] = (steps[i] >> 1) ^ ((steps[i] & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return steps;
}();

std::uint32_t crc32(std::string_view text) noexcept {
  std::uint32_t crc = 0xffffffffU;
  for (const char c : text) {
    crc ^= static_cast<std::uint8_t>(c);
    crc = (crc >> 4) ^ crc_steps[crc & 15U];
    crc = (crc >> 4) ^ crc_steps[crc & 15U];
  }
  return ~crc;
}

constexpr std::array<bool, 256> digit_bytes = [] {
  std::array<bool, 256> known{};
  for (const char c : digits) known[static_cast<std::uint8_t>(c)] = true;
  return known;
}();

bool is_digit(char c) noexcept { return digit_bytes[static_cast<std::uint8_t>(c)]; }

void write_checksum(std::uint32_t checksum, char *out) noexcept {
  for (std::size_t i = checksum_digits; i-- > 0; checksum /= 62) out[i] = digits[checksum % 62];
}

}  // namespace

ApiKeyText format_api_key(std::span<const std::uint8_t, api_key_random_bytes> random) noexcept {
  ApiKeyText text{};
  char *out = std::copy(api_key_prefix.begin(), api_key_prefix.end(), text.data());
  // Long division of the 256-bit number by 62, once per digit.
  std::array<std::uint8_t, api_key_random_bytes> number{};
  std::copy(random.begin(), random.end(), number.begin());
  for (std::size_t i = random_digits; i-- > 0;) {
    unsigned remainder = 0;
    for (auto &byte : number) {
      const unsigned dividend = remainder * 256 + byte;
      byte = static_cast<std::uint8_t>(dividend / 62);
      remainder = dividend % 62;
    }
    out[i] = digits[remainder];
  }
  write_checksum(crc32({out, random_digits}), out + random_digits);
  return text;
}

bool is_api_key(std::string_view text) noexcept {
  if (text.size() != api_key_length || !text.starts_with(api_key_prefix)) return false;
  const std::string_view random = text.substr(api_key_prefix.size(), random_digits);
  if (!std::all_of(random.begin(), random.end(), [](char c) { return is_digit(c); })) return false;
  std::array<char, checksum_digits> expected{};
  write_checksum(crc32(random), expected.data());
  return text.substr(api_key_prefix.size() + random_digits) ==
         std::string_view(expected.data(), expected.size());
}

std::string_view api_key_display_prefix(std::string_view text) noexcept {
  return is_api_key(text) ? text.substr(0, api_key_display_length) : std::string_view{};
}

}  // namespace tenancy
