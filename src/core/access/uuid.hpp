// An id: sixteen bytes, compared as bytes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace tenancy {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid &) const = default;

  /// The nil uuid stands for "none" where an id is optional.
  constexpr bool is_nil() const noexcept { return *this == Uuid{}; }
  constexpr explicit operator bool() const noexcept { return !is_nil(); }
};

}  // namespace tenancy
