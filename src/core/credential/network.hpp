// Networks from which a credential may be used: what is written for them, and whether a client is in one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tenancy {

/// Addresses whose first bits agree; an address is a network of all its bits. IPv4 addresses in IPv6's mapped
/// form are those of IPv4. Clients without an address are `local`, which is no network of any address.
struct Network {
  enum class Kind : std::uint8_t { local, ipv4, ipv6 };
  Kind kind;
  std::uint8_t bits;
  std::array<std::uint8_t, 16> bytes;  // IPv4: the first four

  bool operator==(const Network &) const = default;
};

inline constexpr std::size_t most_networks = 64;

/// RETURNS the network that a text is: an address, an address/bits without any bit set behind these, or
/// "local"; nothing for any other text, including forms that other programs read differently (octal numbers,
/// zones).
std::optional<Network> network_named(std::string_view text) noexcept;

Network ipv4_address(std::span<const std::uint8_t, 4> bytes) noexcept;
Network ipv6_address(std::span<const std::uint8_t, 16> bytes) noexcept;
inline constexpr Network no_address{Network::Kind::local, 0, {}};

/// Whether every address of `inner` is one of `outer`.
bool contains(const Network &outer, const Network &inner) noexcept;

}  // namespace tenancy
