#include "pg/session/signature.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/credential/base64url.hpp"
#include "core/credential/compact_token.hpp"
#include "unit/json.hpp"

namespace tenancy {
namespace {

using pg::is_usable_key;
using pg::verify_signature;

const Json rsa{
    // RFC 7515, appendix A.2
    {"kty", text("RSA")},
    {"n",
     text(
         "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-"
         "yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-"
         "KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
         "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")},
    {"e", text("AQAB")}};
const Json ec{// A.3
              {"kty", text("EC")},
              {"crv", text("P-256")},
              {"x", text("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")},
              {"y", text("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")}};
const Json ed{// RFC 8037, appendix A
              {"kty", text("OKP")},
              {"crv", text("Ed25519")},
              {"x", text("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")}};

const std::string rfc7515_payload =
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
const std::string rs256_token =
    "eyJhbGciOiJSUzI1NiJ9" + rfc7515_payload +
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
    "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZ"
    "RmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhW"
    "kWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const std::string es256_token =
    "eyJhbGciOiJFUzI1NiJ9" + rfc7515_payload +
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const std::string eddsa_token =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

Jwk key_of(Json json) {
  Jwk key;
  EXPECT_EQ(read_jwk(json.object(), key), nullptr);
  return key;
}

using Bytes = std::vector<std::uint8_t>;

Bytes signature_of(const std::string &token) {
  const auto parts = split_compact_token(token);
  Bytes bytes(base64url_decoded_size(parts->signature.size()));
  EXPECT_EQ(decode_base64url(parts->signature, bytes), bytes.size());
  return bytes;
}

bool verifies(const Json &json, const std::string &token, const Bytes &signature) {
  return verify_signature(key_of(json), split_compact_token(token)->signed_text, signature);
}
bool verifies(const Json &json, const std::string &token) {
  return verifies(json, token, signature_of(token));
}

TEST(Signature, VectorsOfTheStandards) {
  EXPECT_TRUE(verifies(rsa, rs256_token));
  EXPECT_TRUE(verifies(ec, es256_token));
  EXPECT_TRUE(verifies(ed, eddsa_token));
}

TEST(Signature, KeysOfTheStandardsAreUsable) {
  for (const Json &json : {rsa, ec, ed}) EXPECT_TRUE(is_usable_key(key_of(json)));
}

// A bit here or there, of the signature or the text.
TEST(Signature, RefusesChanges) {
  const std::pair<const Json &, const std::string &> cases[] = {
      {rsa, rs256_token}, {ec, es256_token}, {ed, eddsa_token}};
  for (const auto &[json, token] : cases) {
    const Bytes signature = signature_of(token);
    for (std::size_t i = 0; i < signature.size(); i += 5) {
      Bytes changed = signature;
      changed[i] ^= 1;
      EXPECT_FALSE(verifies(json, token, changed));
    }
    std::string changed = token;
    changed[3] = changed[3] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifies(json, changed, signature));
  }
}

TEST(Signature, RefusesOtherLengths) {
  const std::pair<const Json &, const std::string &> cases[] = {
      {rsa, rs256_token}, {ec, es256_token}, {ed, eddsa_token}};
  for (const auto &[json, token] : cases) {
    Bytes signature = signature_of(token);
    EXPECT_FALSE(verifies(json, token, {}));
    EXPECT_FALSE(verifies(json, token, {0}));
    signature.push_back(0);
    EXPECT_FALSE(verifies(json, token, signature));
    signature.pop_back();
    signature.pop_back();
    EXPECT_FALSE(verifies(json, token, signature));
    EXPECT_FALSE(verifies(json, token, Bytes(10000, 0xff)));
  }
}

TEST(Signature, RefusesZeroAndOne) {
  for (const std::size_t size : {std::size_t{64}, std::size_t{256}})
    for (const std::uint8_t last : {0, 1}) {
      Bytes bytes(size, 0);
      bytes.back() = last;
      EXPECT_FALSE(verifies(rsa, rs256_token, bytes));
      EXPECT_FALSE(verifies(ec, es256_token, bytes));
      EXPECT_FALSE(verifies(ed, eddsa_token, bytes));
    }
  const Bytes signature = signature_of(es256_token);
  Bytes zero_r = signature, zero_s = signature;
  std::fill_n(zero_r.begin(), curve_bytes, std::uint8_t{0});
  std::fill_n(zero_s.begin() + curve_bytes, curve_bytes, std::uint8_t{0});
  EXPECT_FALSE(verifies(ec, es256_token, zero_r));
  EXPECT_FALSE(verifies(ec, es256_token, zero_s));
}

TEST(Signature, RefusesDer) {
  const Bytes signature = signature_of(es256_token);
  Bytes der = {0x30, 0x45, 0x02, 0x20};
  der.insert(der.end(), signature.begin(), signature.begin() + curve_bytes);
  der.insert(der.end(), {0x02, 0x21, 0x00});
  der.insert(der.end(), signature.begin() + curve_bytes, signature.end());
  EXPECT_FALSE(verifies(ec, es256_token, der));
}

TEST(Signature, RefusesOtherKeys) {
  EXPECT_FALSE(verifies(ec, eddsa_token));
  EXPECT_FALSE(verifies(ed, es256_token));
  EXPECT_FALSE(verifies(rsa, es256_token));
  EXPECT_FALSE(verifies(rsa.with("e", text("Aw")), rs256_token));
}

TEST(Signature, RefusesKeysThatAreNone) {
  // (x, 0) is not on the curve; 2^2048 - 1 has small factors; nor is a point that is not reduced
  EXPECT_FALSE(is_usable_key(key_of(ec.with("y", text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")))));
  EXPECT_FALSE(is_usable_key(key_of(ec.with("x", text("__________________________________________8")))));
  const std::string ones = std::string(341, '_') + "w";
  EXPECT_FALSE(is_usable_key(key_of(rsa.with("n", text(ones)))));
  EXPECT_FALSE(verifies(ec.with("y", text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), es256_token));
}

}  // namespace
}  // namespace tenancy
