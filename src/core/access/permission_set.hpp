// A set of permissions. A permission is a small number, given to each (resource, action) when it is first
// used.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tenancy {

using PermissionId = std::uint16_t;

/// The number of permissions that can be registered; fixed, so that a set needs no allocation.
inline constexpr std::size_t max_permissions = 1024;

class PermissionSet {
 public:
  constexpr PermissionSet() = default;

  static constexpr PermissionSet of_all() noexcept {
    PermissionSet all;
    all.words_.fill(~std::uint64_t{0});
    return all;
  }

  constexpr void add(PermissionId id) noexcept { words_[id / 64] |= bit(id); }
  constexpr void remove(PermissionId id) noexcept { words_[id / 64] &= ~bit(id); }
  constexpr bool contains(PermissionId id) const noexcept { return (words_[id / 64] & bit(id)) != 0; }

  constexpr bool intersects(const PermissionSet &other) const noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i)
      if ((words_[i] & other.words_[i]) != 0) return true;
    return false;
  }
  constexpr bool empty() const noexcept { return *this == PermissionSet{}; }

  constexpr PermissionSet &operator|=(const PermissionSet &other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  constexpr PermissionSet &operator&=(const PermissionSet &other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    return *this;
  }
  constexpr PermissionSet &operator-=(const PermissionSet &other) noexcept {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
    return *this;
  }

  bool operator==(const PermissionSet &) const = default;

 private:
  static constexpr std::uint64_t bit(PermissionId id) noexcept { return std::uint64_t{1} << (id % 64); }

  std::array<std::uint64_t, max_permissions / 64> words_{};
};

}  // namespace tenancy
