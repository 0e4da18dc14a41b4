#include "pg/server/json_reader.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

// A token has two levels, a key four; the parser recurses.
constexpr int max_depth = 16;

using Kind = JsonValue::Kind;

struct Reader {
  PodArray<JsonMember> members;
  PodArray<std::string_view> texts;
  int depth;
  bool is_object;

  JsonValue &value() { return members.items[members.count - 1].value; }
  bool in_object() const { return is_object && depth == 1; }
  bool in_list() const {
    return is_object && depth == 2 && members.items[members.count - 1].value.kind == Kind::texts;
  }
};

Reader &reader_of(void *state) { return *static_cast<Reader *>(state); }

extern "C" {
static JsonActionResult object_start(void *state) {
  Reader &reader = reader_of(state);
  if (reader.depth == 0) reader.is_object = true;
  if (reader.in_list()) reader.value().kind = Kind::other;
  reader.depth++;
  return json_action_done();
}

static JsonActionResult member_start(void *state, char *name, bool) {
  Reader &reader = reader_of(state);
  // The kind until its value is found to be an object, false or null.
  if (reader.in_object()) reader.members.append({name, {Kind::other, {}, {}}});
  return json_action_done();
}

static JsonActionResult array_start(void *state) {
  Reader &reader = reader_of(state);
  if (reader.in_object()) {
    reader.value().kind = Kind::texts;
    reader.texts = {};
  } else if (reader.in_list()) {
    reader.value().kind = Kind::other;
  }
  reader.depth++;
  return json_action_done();
}

static JsonActionResult array_end(void *state) {
  Reader &reader = reader_of(state);
  if (reader.in_list()) reader.value().texts = reader.texts.span();
  reader.depth--;
  return json_action_done();
}

static JsonActionResult object_end(void *state) {
  reader_of(state).depth--;
  return json_action_done();
}

static JsonActionResult scalar(void *state, char *token, JsonTokenType type) {
  Reader &reader = reader_of(state);
  if (reader.in_object()) {
    if (type == JSON_TOKEN_STRING) reader.value() = {Kind::text, token, {}};
    if (type == JSON_TOKEN_NUMBER) reader.value() = {Kind::number, token, {}};
    if (type == JSON_TOKEN_TRUE) reader.value() = {Kind::literal_true, {}, {}};
  } else if (reader.in_list()) {
    if (type == JSON_TOKEN_STRING)
      reader.texts.append(token);
    else
      reader.value().kind = Kind::other;
  }
  return json_action_done();
}
}

}  // namespace

JsonRead read_json_object(char *text, size_t length) {
  if (!pg_verify_mbstr(PG_UTF8, text, static_cast<int>(length), true)) return {"it is not UTF-8", {}};
  const auto prepared = prepare_json({text, length}, max_depth);
  if (!prepared) return {"it nests too deep or has half a character", {}};

  Reader reader{};
  JsonSemAction actions{};
  actions.semstate = &reader;
  actions.object_start = object_start;
  actions.object_end = object_end;
  actions.object_field_start = member_start;
  actions.array_start = array_start;
  actions.array_end = array_end;
  actions.scalar = scalar;
  if (pg_parse_json(make_json_lexer(text, *prepared), &actions) != JSON_SUCCESS || !reader.is_object)
    return {"it is not a JSON object", {}};
  if (!arrange_members({reader.members.items, static_cast<size_t>(reader.members.count)}))
    return {"a name occurs twice in it", {}};
  return {nullptr, {reader.members.span()}};
}

bool is_database_text(std::string_view text) {
  if (GetDatabaseEncoding() == PG_UTF8) return true;
  for (const char c : text)
    if (IS_HIGHBIT_SET(c)) return false;
  return true;
}

}  // namespace tenancy::pg
