// A JSON object as in tokens and keys: a flat list of members. The server's parser reads it (json_reader);
// here are the checks before that, and access to the members afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tenancy {

struct JsonValue {
  enum class Kind : std::uint8_t { absent, text, number, texts, literal_true, other };
  Kind kind = Kind::absent;
  std::string_view text;                    // of a text, without its escapes; of a number, as it is written
  std::span<const std::string_view> texts;  // of an array that contains only texts

  bool is_given() const noexcept { return kind != Kind::absent; }
  bool is_text() const noexcept { return kind == Kind::text; }
  bool is_true() const noexcept { return kind == Kind::literal_true; }
};

struct JsonMember {
  std::string_view name;
  JsonValue value;
};

/// Members in the order of their names, each name once; see arrange_members().
struct JsonObject {
  std::span<const JsonMember> members;

  /// The member of that name; absent if there is none.
  JsonValue operator[](std::string_view name) const noexcept;
};

/// Puts members in order. False if a name occurs twice, since it would be undefined which one counts.
bool arrange_members(std::span<JsonMember> members) noexcept;

/// Prepares a text in UTF-8 for the parser; returns its new length. REJECTS nesting deeper than
/// `max_depth`, since the parser recurses, and escapes for half a character. Replaces escapes beyond ASCII
/// with their characters: the parser would convert them to the database's encoding, and fail if that lacks
/// the character.
std::optional<std::size_t> prepare_json(std::span<char> text, int max_depth) noexcept;

}  // namespace tenancy
