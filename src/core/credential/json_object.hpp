// A JSON object as tokens and keys use it: a flat list of members. The server's parser reads it
// (json_reader); here is what has to hold before that, and what is asked of it afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tenancy {

struct JsonValue {
  enum class Kind : std::uint8_t { absent, text, number, texts, other };
  Kind kind = Kind::absent;
  std::string_view text;                    // of a text, without its escapes; of a number, as it is written
  std::span<const std::string_view> texts;  // of an array that holds nothing but texts

  bool is_given() const noexcept { return kind != Kind::absent; }
  bool is_text() const noexcept { return kind == Kind::text; }
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

/// Puts members in order. False when a name occurs twice: which of the two counts would be the reader's
/// guess.
bool arrange_members(std::span<JsonMember> members) noexcept;

/// Makes a text, which is UTF-8, fit for the parser, and says how long it is afterwards. Empty when it nests
/// deeper than `max_depth`, which the parser would answer by recursing as deep, or when an escape stands for
/// half a character. Escapes beyond ASCII are replaced by what they stand for, since the parser would convert
/// those to the database's encoding, and fail where that has no such character.
std::optional<std::size_t> prepare_json(std::span<char> text, int max_depth) noexcept;

}  // namespace tenancy
