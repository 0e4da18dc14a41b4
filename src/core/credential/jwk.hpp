// JSON Web Keys (RFC 7517, 7518, 8037) that an organization may configure.
#pragma once

#include <array>
#include <optional>

#include "core/credential/json_object.hpp"
#include "core/credential/signature_algorithm.hpp"

namespace tenancy {

inline constexpr std::size_t min_rsa_bits = 2048;
inline constexpr std::size_t max_rsa_bits = 8192;  // verification time grows with the length
inline constexpr std::size_t curve_bytes = 32;     // of a coordinate on P-256 and of an Ed25519 key

/// A public key: modulus and exponent (RS256), the point's coordinates (ES256), or the key alone (EdDSA); big
/// endian.
struct Jwk {
  SignatureAlgorithm algorithm{};
  std::array<std::uint8_t, max_rsa_bits / 8> first_bytes{};
  std::array<std::uint8_t, curve_bytes> second_bytes{};
  std::size_t first_size = 0;
  std::size_t second_size = 0;

  std::span<const std::uint8_t> first() const noexcept { return {first_bytes.data(), first_size}; }
  std::span<const std::uint8_t> second() const noexcept { return {second_bytes.data(), second_size}; }
};

/// Reads a key. Returns nullptr, or the problem as a sentence without capital and full stop. Does not check
/// that the numbers are a valid key; the cryptographic library does.
const char *read_jwk(const JsonObject &object, Jwk &key) noexcept;

}  // namespace tenancy
