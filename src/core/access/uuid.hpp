// An id: sixteen bytes, compared as bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace tenancy {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const Uuid &) const = default;
  constexpr std::strong_ordering operator<=>(const Uuid &other) const noexcept {
    const auto first = half(0) <=> other.half(0);
    return first != 0 ? first : half(8) <=> other.half(8);
  }

  /// The nil uuid stands for "none" where an id is optional.
  constexpr bool is_nil() const noexcept { return *this == Uuid{}; }
  constexpr explicit operator bool() const noexcept { return !is_nil(); }

 private:
  // As a number, so that lists of thousands are compared without a call for each; compilers make it one load.
  constexpr std::uint64_t half(std::size_t start) const noexcept {
    const auto byte = [&](std::size_t i) { return std::uint64_t{bytes[start + i]} << (56 - 8 * i); };
    return byte(0) | byte(1) | byte(2) | byte(3) | byte(4) | byte(5) | byte(6) | byte(7);
  }
};

}  // namespace tenancy
