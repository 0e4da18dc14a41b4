// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tenancy {

class Sha256 {
 public:
  static constexpr std::size_t digest_size = 32;
  using Digest = std::array<std::uint8_t, digest_size>;

  void add(std::span<const std::uint8_t> bytes) noexcept;
  /// The digest of all bytes added. REQUIRES: nothing is added afterwards.
  Digest finish() noexcept;

 private:
  static constexpr std::size_t block_size = 64;

  void add_block(const std::uint8_t *block) noexcept;

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, block_size> pending_{};
  std::uint64_t length_ = 0;
};

}  // namespace tenancy
