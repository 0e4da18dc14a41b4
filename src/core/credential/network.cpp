#include "core/credential/network.hpp"

#include <algorithm>

#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// A decimal number without leading zeros, which some programs read as octal.
std::optional<unsigned> number(std::string_view text, unsigned most) noexcept {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  return value <= most ? std::optional(value) : std::nullopt;
}

// Takes the part before the separator from the text, or all of it.
std::string_view take(std::string_view &text, char separator) noexcept {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool read_ipv4(std::string_view text, std::span<std::uint8_t, 4> bytes) noexcept {
  if (std::count(text.begin(), text.end(), '.') != 3) return false;
  for (std::uint8_t &byte : bytes) {
    const auto value = number(take(text, '.'), 255);
    if (!value) return false;
    byte = static_cast<std::uint8_t>(*value);
  }
  return true;
}

// Groups of one side of "::", as bytes. RETURNS their number, or nothing for what are no groups.
std::optional<std::size_t> read_groups(std::string_view text, bool is_last,
                                       std::span<std::uint8_t, 16> bytes) noexcept {
  std::size_t count = 0;
  if (text.empty()) return count;
  if (text.back() == ':') return std::nullopt;
  while (!text.empty()) {
    const bool is_end = text.find(':') == std::string_view::npos;
    const std::string_view group = take(text, ':');
    if (is_end && is_last && group.find('.') != std::string_view::npos) {
      std::array<std::uint8_t, 4> tail{};
      if (count > 12 || !read_ipv4(group, tail)) return std::nullopt;
      std::copy(tail.begin(), tail.end(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
      return count + 4;
    }
    if (group.empty() || group.size() > 4 || count > 14) return std::nullopt;
    unsigned value = 0;
    for (const char digit : group) {
      unsigned nibble = 0;
      if (digit >= '0' && digit <= '9')
        nibble = static_cast<unsigned>(digit - '0');
      else if (digit >= 'a' && digit <= 'f')
        nibble = static_cast<unsigned>(digit - 'a') + 10;
      else if (digit >= 'A' && digit <= 'F')
        nibble = static_cast<unsigned>(digit - 'A') + 10;
      else
        return std::nullopt;
      value = value * 16 + nibble;
    }
    bytes[count++] = static_cast<std::uint8_t>(value >> 8);
    bytes[count++] = static_cast<std::uint8_t>(value & 0xff);
  }
  return count;
}

bool read_ipv6(std::string_view text, std::span<std::uint8_t, 16> bytes) noexcept {
  const std::size_t gap = text.find("::");
  std::array<std::uint8_t, 16> head{}, tail{};
  if (gap == std::string_view::npos) {
    const auto count = read_groups(text, true, head);
    if (count != 16) return false;
  } else {
    const auto first = read_groups(text.substr(0, gap), false, head);
    const auto last = read_groups(text.substr(gap + 2), true, tail);
    if (!first || !last || *first + *last > 14) return false;
    std::copy_backward(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(*last), head.end());
  }
  std::copy(head.begin(), head.end(), bytes.begin());
  return true;
}

// Whether all bits behind the first are zero.
bool has_no_more(const Network &network) noexcept {
  for (std::size_t bit = network.bits; bit < network.bytes.size() * 8; bit++)
    if ((network.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) return false;
  return true;
}

}  // namespace

Network ipv4_address(std::span<const std::uint8_t, 4> bytes) noexcept {
  Network network{Network::Kind::ipv4, 32, {}};
  std::copy(bytes.begin(), bytes.end(), network.bytes.begin());
  return network;
}

Network ipv6_address(std::span<const std::uint8_t, 16> bytes) noexcept {
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) return ipv4_address(bytes.last<4>());
  Network network{Network::Kind::ipv6, 128, {}};
  std::copy(bytes.begin(), bytes.end(), network.bytes.begin());
  return network;
}

std::optional<Network> network_named(std::string_view text) noexcept {
  if (text == "local") return no_address;
  const bool has_bits = text.find('/') != std::string_view::npos;
  const std::string_view address = take(text, '/');
  Network network{};
  unsigned all_bits = 0;
  if (address.find(':') == std::string_view::npos) {
    std::array<std::uint8_t, 4> bytes{};
    if (!read_ipv4(address, bytes)) return std::nullopt;
    network = ipv4_address(bytes);
    all_bits = 32;
  } else {
    std::array<std::uint8_t, 16> bytes{};
    if (!read_ipv6(address, bytes)) return std::nullopt;
    network = ipv6_address(bytes);
    all_bits = 128;
  }
  if (!has_bits) return network;
  const auto bits = number(text, all_bits);
  if (!bits) return std::nullopt;
  if (network.kind == Network::Kind::ipv4 && all_bits == 128) {
    // A network of IPv4 in mapped form; a shorter one would have addresses of both kinds.
    if (*bits < 96) return std::nullopt;
    network.bits = static_cast<std::uint8_t>(*bits - 96);
  } else {
    network.bits = static_cast<std::uint8_t>(*bits);
  }
  return has_no_more(network) ? std::optional(network) : std::nullopt;
}

bool contains(const Network &outer, const Network &inner) noexcept {
  if (outer.kind != inner.kind || outer.bits > inner.bits) return false;
  const std::size_t whole = outer.bits / 8, rest = outer.bits % 8;
  if (!std::equal(outer.bytes.begin(), outer.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  inner.bytes.begin()))
    return false;
  return rest == 0 || ((outer.bytes[whole] ^ inner.bytes[whole]) >> (8 - rest)) == 0;
}

}  // namespace tenancy
