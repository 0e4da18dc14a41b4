#include "core/credential/jwk.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/json.hpp"

namespace tenancy {
namespace {

const std::string modulus_2048 = std::string(341, '_') + "w";
const std::string bytes_32 = std::string(42, '_') + "8";
const Json rsa{{"kty", text("RSA")}, {"n", text(modulus_2048)}, {"e", text("AQAB")}};
const Json ec{{"kty", text("EC")}, {"crv", text("P-256")}, {"x", text(bytes_32)}, {"y", text(bytes_32)}};
const Json ed{{"kty", text("OKP")}, {"crv", text("Ed25519")}, {"x", text(bytes_32)}};

bool accepted(Json json) {
  Jwk key;
  return read_jwk(json.object(), key) == nullptr;
}

TEST(Jwk, Reads) {
  Json json = rsa;
  Jwk key;
  ASSERT_EQ(read_jwk(json.object(), key), nullptr);
  EXPECT_EQ(key.algorithm, SignatureAlgorithm::rs256);
  EXPECT_EQ(key.first().size(), 256U);
  EXPECT_EQ(key.second().size(), 3U);
  json = ec;
  ASSERT_EQ(read_jwk(json.object(), key), nullptr);
  EXPECT_EQ(key.algorithm, SignatureAlgorithm::es256);
  EXPECT_EQ(key.first().size(), 32U);
  EXPECT_EQ(key.second().size(), 32U);
  json = ed;
  ASSERT_EQ(read_jwk(json.object(), key), nullptr);
  EXPECT_EQ(key.algorithm, SignatureAlgorithm::eddsa);
  EXPECT_EQ(key.first().size(), 32U);
  EXPECT_EQ(key.second().size(), 0U);
}

TEST(Jwk, RefusesPrivateParameters) {
  for (const char *name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    for (const Json &json : {rsa, ec, ed}) {
      EXPECT_FALSE(accepted(json.with(name, text("AQAB")))) << name;
      EXPECT_FALSE(accepted(json.with(name, null_value))) << name;
    }
}

TEST(Jwk, RefusesOtherTypes) {
  for (const char *type : {"", "oct", "rsa", "AKP", "RSA "})
    EXPECT_FALSE(accepted(rsa.with("kty", text(type))));
  EXPECT_FALSE(accepted(rsa.without("kty")));
  EXPECT_FALSE(accepted(rsa.with("kty", null_value)));
  EXPECT_FALSE(accepted(Json{}));
}

TEST(Jwk, UseAndOperations) {
  EXPECT_TRUE(accepted(rsa.with("use", text("sig"))));
  EXPECT_FALSE(accepted(rsa.with("use", text("enc"))));
  EXPECT_FALSE(accepted(rsa.with("use", null_value)));
  EXPECT_TRUE(accepted(rsa.with("key_ops", texts({"sign", "verify"}))));
  EXPECT_FALSE(accepted(rsa.with("key_ops", texts({"sign"}))));
  EXPECT_FALSE(accepted(rsa.with("key_ops", texts({}))));
  EXPECT_FALSE(accepted(rsa.with("key_ops", text("verify"))));
}

TEST(Jwk, AlgorithmIsTheTypes) {
  const std::pair<const Json &, std::string_view> cases[] = {{rsa, "RS256"}, {ec, "ES256"}, {ed, "EdDSA"}};
  for (const auto &[json, own] : cases)
    for (const char *name :
         {"RS256", "ES256", "EdDSA", "RS512", "PS256", "HS256", "none", "ES384", "rs256", ""})
      EXPECT_EQ(accepted(json.with("alg", text(name))), own == name) << name;
  EXPECT_FALSE(accepted(rsa.with("alg", null_value)));
}

TEST(Jwk, RsaSizes) {
  EXPECT_FALSE(accepted(rsa.with("n", text(std::string(340, '_')))));              // 2040 bits
  EXPECT_FALSE(accepted(rsa.with("n", text("f" + std::string(340, '_') + "w"))));  // 2047
  const std::string zero_in_front = "AP" + std::string(340, '_') + "8";            // 2048 bits in 257 bytes
  EXPECT_TRUE(accepted(rsa.with("n", text(zero_in_front))));
  const std::string most = std::string(1365, '_') + "w";  // 8192
  EXPECT_TRUE(accepted(rsa.with("n", text(most))));
  EXPECT_FALSE(accepted(rsa.with("n", text(std::string(1367, '_') + "8"))));
  EXPECT_FALSE(accepted(rsa.with("n", text(std::string(100000, '_')))));
  EXPECT_FALSE(accepted(rsa.with("n", text(std::string(400, 'A')))));
  EXPECT_FALSE(accepted(rsa.with("n", text(modulus_2048 + "=="))));
  EXPECT_FALSE(accepted(rsa.without("n")));
}

TEST(Jwk, RsaExponent) {
  for (const char *e : {"Aw", "AQAB", "AAEAAQ", "__________8"})
    EXPECT_TRUE(accepted(rsa.with("e", text(e)))) << e;
  for (const char *e : {"", "AA", "AQ", "Ag", "AAAB", "AQAA", "AQAB=", "AQAAAAAAAAAB"})
    EXPECT_FALSE(accepted(rsa.with("e", text(e)))) << e;
  EXPECT_FALSE(accepted(rsa.without("e")));
}

TEST(Jwk, CurvesAndSizes) {
  for (const char *curve : {"", "P-384", "P-521", "secp256k1", "Ed25519", "X25519", "Ed448"}) {
    EXPECT_FALSE(accepted(ec.with("crv", text(curve)))) << curve;
    EXPECT_EQ(accepted(ed.with("crv", text(curve))), std::string_view(curve) == "Ed25519") << curve;
  }
  for (const char *bytes : {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_FALSE(accepted(ec.with("x", text(bytes))));
    EXPECT_FALSE(accepted(ec.with("y", text(bytes))));
    EXPECT_FALSE(accepted(ed.with("x", text(bytes))));
  }
  EXPECT_FALSE(accepted(ec.without("y")));
  EXPECT_FALSE(accepted(ec.without("crv")));
}

}  // namespace
}  // namespace tenancy
