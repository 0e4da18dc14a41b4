// An application's own id as a number. REJECTS texts that are not the number's only spelling.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tenancy {

/// The integer, if the text is the spelling that the server would print: "07", "+7" and " 7" are not 7, or
/// ids of two tenants could be the same number.
template <typename Integer>
std::optional<Integer> integer_id(std::string_view text) noexcept {
  Integer value{};
  const char *end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  char printed[24];
  const auto printed_end = std::to_chars(printed, printed + sizeof printed, value).ptr;
  if (text != std::string_view(printed, static_cast<std::size_t>(printed_end - printed))) return std::nullopt;
  return value;
}

}  // namespace tenancy
