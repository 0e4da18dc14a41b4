#include "core/credential/compact_token.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tenancy {
namespace {

TEST(CompactToken, Rfc7515AppendixA1) {
  const auto parts = split_compact_token(
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
      ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->header, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9");
  EXPECT_EQ(parts->signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  EXPECT_EQ(parts->signed_text, std::string(parts->header) + "." + std::string(parts->payload));
}

// RFC 7519, section 6.1: an unsecured token has an empty signature.
TEST(CompactToken, RefusesUnsecured) {
  EXPECT_FALSE(split_compact_token(
      "eyJhbGciOiJub25lIn0"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
      "cnVlfQ."));
}

TEST(CompactToken, RefusesOtherNumbersOfParts) {
  EXPECT_TRUE(split_compact_token("a.b.c"));
  for (const char *token :
       {"", ".", "..", "...", "a", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.", ".a.b.c", "a.b.c.d", "a.b.c.d.e"})
    EXPECT_FALSE(split_compact_token(token)) << token;
}

TEST(CompactToken, RefusesLongOnes) {
  const std::string longest = "a.b." + std::string(max_token_length - 4, 'c');
  EXPECT_TRUE(split_compact_token(longest));
  EXPECT_FALSE(split_compact_token(longest + "c"));
}

}  // namespace
}  // namespace tenancy
