#include "core/credential/json_object.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/json.hpp"

namespace tenancy {
namespace {

std::optional<std::string> prepared(std::string json, int max_depth = 4) {
  const auto size = prepare_json(json, max_depth);
  if (!size) return std::nullopt;
  return json.substr(0, *size);
}

TEST(JsonObject, FindsMembers) {
  Json json{{"kid", text("a")}, {"alg", text("b")}, {"typ", null_value}};
  const JsonObject object = json.object();
  EXPECT_EQ(object["alg"].text, "b");
  EXPECT_EQ(object["kid"].text, "a");
  EXPECT_TRUE(object["typ"].is_given());
  for (const char *name : {"", "a", "al", "algo", "zzz"}) EXPECT_FALSE(object[name].is_given()) << name;
  EXPECT_FALSE(JsonObject{}["alg"].is_given());
}

TEST(JsonObject, RefusesRepeatedNames) {
  std::vector<JsonMember> members = {{"a", text("1")}, {"b", text("2")}, {"c", text("3")}};
  EXPECT_TRUE(arrange_members(members));
  members.push_back({"b", text("2")});
  EXPECT_FALSE(arrange_members(members));
}

TEST(PrepareJson, LeavesAlone) {
  for (const char *json :
       {"", "{}", R"({"a": [1, {"b": "c"}]})", R"({"a": "\" \\ \/ \b \u0041 \u0000 \u007f"})", R"("\\u00e9")",
        R"("\\\\ud800")", R"("[[[[[[{{{{{{")", R"(]]]]}}}}[[[[)", "\"\\", "\"\\u", "\"\\u12", R"("\u12g4")",
        R"("\x")", "caf\xc3\xa9"})
    EXPECT_EQ(prepared(json), json);
}

TEST(PrepareJson, ReplacesEscapesBeyondAscii) {
  EXPECT_EQ(prepared(R"("\u0080")"), "\"\xc2\x80\"");
  EXPECT_EQ(prepared(R"("zo\u00eb!")"), "\"zo\xc3\xab!\"");
  EXPECT_EQ(prepared(R"("\u07ff\u0800\uFFFF")"), "\"\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\"");
  EXPECT_EQ(prepared(R"("\\\u00eb")"), "\"\\\\\xc3\xab\"");
  EXPECT_EQ(prepared(R"("\ud800\udc00 \uD83D\uDE00 \udbff\udfff")"),
            "\"\xf0\x90\x80\x80 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\"");
}

TEST(PrepareJson, RefusesHalvesOfCharacters) {
  for (const char *json : {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\udc00\ud800")",
                           R"("\ud800 \udc00")", R"("\ud800\u0041")", R"("\ud800\n")", "\"\\ud800"})
    EXPECT_FALSE(prepared(json)) << json;
}

TEST(PrepareJson, RefusesDepth) {
  EXPECT_TRUE(prepared("[[[[]]]]"));
  EXPECT_TRUE(prepared("[[[[]]]][[[{}]]]"));
  EXPECT_FALSE(prepared("[[[[["));
  EXPECT_FALSE(prepared(R"({"a":{"b":[{"c":{}}]}})"));
  EXPECT_TRUE(prepared(R"({"a":"[[[[[[[["})"));
  EXPECT_FALSE(prepared(R"({"a\"":[[[[]]]]})"));
  EXPECT_FALSE(prepared(std::string(100000, '[')));
}

}  // namespace
}  // namespace tenancy
