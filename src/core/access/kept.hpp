// Settings of what is kept (set_logging()): of an organization's value and a workspace's, the stricter
// counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tenancy {

/// The part of content that is stored, from the most to the least.
enum class Stored : std::uint8_t { full, metadata, none };
std::optional<Stored> stored_named(std::string_view name) noexcept;
constexpr Stored stricter(Stored one, Stored other) noexcept { return one < other ? other : one; }

/// RETURNS the stricter of two values of a setting: of store_content the one that stores less; of numbers the
/// lower; the other value, legal_hold's, is one only. REQUIRES: numbers without leading zeros.
std::string_view stricter_value(std::string_view setting, std::string_view one,
                                std::string_view other) noexcept;

}  // namespace tenancy
