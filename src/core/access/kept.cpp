#include "core/access/kept.hpp"

#include <array>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::array<std::string_view, 3> stored_names{"full", "metadata", "none"};

}  // namespace

std::optional<Stored> stored_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < stored_names.size(); i++)
    if (stored_names[i] == name) return static_cast<Stored>(i);
  return std::nullopt;
}

std::string_view stricter_value(std::string_view setting, std::string_view one,
                                std::string_view other) noexcept {
  if (setting == "store_content") {
    const auto a = stored_named(one), b = stored_named(other);
    return a && b && stricter(*a, *b) == *b ? other : one;
  }
  if (one.size() != other.size()) return one.size() < other.size() ? one : other;
  return one < other ? one : other;
}

}  // namespace tenancy
