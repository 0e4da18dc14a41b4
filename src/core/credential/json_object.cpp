#include "core/credential/json_object.hpp"

#include <algorithm>
#include <charconv>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::size_t unicode_escape_length = 6;  // \uXXXX

// The code unit of a \u escape at the beginning of the text, if there is one.
std::optional<std::uint32_t> unicode_escape(std::string_view text) noexcept {
  if (text.size() < unicode_escape_length || !text.starts_with("\\u")) return std::nullopt;
  const char *end = text.data() + unicode_escape_length;
  std::uint32_t unit = 0;
  const auto [stopped, error] = std::from_chars(text.data() + 2, end, unit, 16);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return unit;
}

constexpr bool is_high_surrogate(std::uint32_t unit) noexcept { return unit >= 0xd800 && unit <= 0xdbff; }
constexpr bool is_low_surrogate(std::uint32_t unit) noexcept { return unit >= 0xdc00 && unit <= 0xdfff; }

// For characters beyond ASCII. Never longer than the escape.
std::size_t write_utf8(std::uint32_t character, char *out) noexcept {
  const auto trail = [character](unsigned shift) {
    return static_cast<char>(0x80U | ((character >> shift) & 0x3fU));
  };
  if (character < 0x800) {
    out[0] = static_cast<char>(0xc0U | character >> 6);
    out[1] = trail(0);
    return 2;
  }
  if (character < 0x10000) {
    out[0] = static_cast<char>(0xe0U | character >> 12);
    out[1] = trail(6);
    out[2] = trail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0U | character >> 18);
  out[1] = trail(12);
  out[2] = trail(6);
  out[3] = trail(0);
  return 4;
}

}  // namespace

JsonValue JsonObject::operator[](std::string_view name) const noexcept {
  const auto found = std::lower_bound(
      members.begin(), members.end(), name,
      [](const JsonMember &member, std::string_view sought) { return member.name < sought; });
  return found != members.end() && found->name == name ? found->value : JsonValue{};
}

bool arrange_members(std::span<JsonMember> members) noexcept {
  std::sort(members.begin(), members.end(),
            [](const JsonMember &a, const JsonMember &b) { return a.name < b.name; });
  return std::adjacent_find(members.begin(), members.end(), [](const JsonMember &a, const JsonMember &b) {
           return a.name == b.name;
         }) == members.end();
}

std::optional<std::size_t> prepare_json(std::span<char> text, int max_depth) noexcept {
  std::size_t size = 0;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string && c == '\\') {
      const std::string_view rest{text.data() + i, text.size() - i};
      const auto unit = unicode_escape(rest);
      if (!unit || *unit < 0x80) {
        // Two characters, of which the second opens and closes nothing. The parser rejects invalid escapes.
        for (std::size_t n = std::min<std::size_t>(2, rest.size()); n > 0; --n) text[size++] = text[i++];
        continue;
      }
      std::uint32_t character = *unit;
      i += unicode_escape_length;
      if (is_low_surrogate(character)) return std::nullopt;
      if (is_high_surrogate(character)) {
        const auto low = unicode_escape(rest.substr(unicode_escape_length));
        if (!low || !is_low_surrogate(*low)) return std::nullopt;
        character = 0x10000 + ((character - 0xd800) << 10) + (*low - 0xdc00);
        i += unicode_escape_length;
      }
      size += write_utf8(character, text.data() + size);
      continue;
    }
    if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '{' || c == '[') && ++depth > max_depth)
      return std::nullopt;
    else if (!in_string && (c == '}' || c == ']'))
      --depth;
    text[size++] = c;
    ++i;
  }
  return size;
}

}  // namespace tenancy
