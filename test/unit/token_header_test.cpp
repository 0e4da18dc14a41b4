#include "core/credential/token_header.hpp"

#include <gtest/gtest.h>

#include "unit/json.hpp"

namespace tenancy {
namespace {

const Json good{{"alg", text("RS256")}, {"typ", text("JWT")}, {"kid", text("a")}};

bool accepted(Json json) {
  TokenHeader header;
  return read_token_header(json.object(), header) == nullptr;
}

TEST(TokenHeader, Reads) {
  Json json = good;
  TokenHeader header;
  EXPECT_EQ(read_token_header(json.object(), header), nullptr);
  EXPECT_EQ(header.algorithm, "RS256");
  EXPECT_EQ(header.key_id, "a");
}

TEST(TokenHeader, Type) {
  for (const char *type : {"JWT", "jwt", "Jwt", "at+jwt", "application/at+jwt"})
    EXPECT_TRUE(accepted(good.with("typ", text(type)))) << type;
  EXPECT_TRUE(accepted(good.without("typ")));
  for (const char *type : {"", "JW", "JWTS", "JWE", "at+jwts", "+jwt", "application/jwt", "jw\xf4"})
    EXPECT_FALSE(accepted(good.with("typ", text(type)))) << type;
  EXPECT_FALSE(accepted(good.with("typ", null_value)));
}

TEST(TokenHeader, NeedsAlgorithmAndKey) {
  EXPECT_FALSE(accepted(good.without("alg")));
  EXPECT_FALSE(accepted(good.with("alg", null_value)));
  EXPECT_FALSE(accepted(good.without("kid")));
  EXPECT_FALSE(accepted(good.with("kid", text(""))));
  EXPECT_FALSE(accepted(good.with("kid", number("1"))));
}

TEST(TokenHeader, UnderstandsNoExtension) {
  EXPECT_FALSE(accepted(good.with("crit", texts({"exp"}))));
  EXPECT_FALSE(accepted(good.with("crit", null_value)));
}

TEST(TokenHeader, IgnoresKeysItBrings) {
  EXPECT_TRUE(accepted(
      good.with("jwk", null_value).with("jku", text("https://evil.test")).with("x5c", texts({"AA"}))));
}

}  // namespace
}  // namespace tenancy
