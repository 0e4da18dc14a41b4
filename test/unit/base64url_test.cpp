#include "core/credential/base64url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tenancy {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::vector<std::uint8_t> bytes(base64url_decoded_size(text.size()));
  const auto size = decode_base64url(text, bytes);
  if (!size) return std::nullopt;
  EXPECT_EQ(*size, bytes.size());
  return std::string(bytes.begin(), bytes.end());
}

std::string encoded(std::string_view bytes) {
  std::string text;
  encode_base64url({reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()}, text);
  return text;
}

TEST(Base64url, Rfc4648Vectors) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg"), "f");
  EXPECT_EQ(decoded("Zm8"), "fo");
  EXPECT_EQ(decoded("Zm9v"), "foo");
  EXPECT_EQ(decoded("Zm9vYg"), "foob");
  EXPECT_EQ(decoded("Zm9vYmE"), "fooba");
  EXPECT_EQ(decoded("Zm9vYmFy"), "foobar");
}

TEST(Base64url, Rfc7515AppendixC) { EXPECT_EQ(decoded("A-z_4ME"), "\x03\xec\xff\xe0\xc1"); }

TEST(Base64url, Rfc7515AppendixA1Header) {
  EXPECT_EQ(decoded("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"), "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}");
}

TEST(Base64url, RoundTrip) {
  std::string bytes;
  for (int i = 0; i < 600; ++i) {
    bytes += static_cast<char>(i * 37 + i / 7);
    EXPECT_EQ(decoded(encoded(bytes)), bytes);
  }
}

TEST(Base64url, RefusesOtherLetters) {
  for (int c = 0; c < 256; ++c) {
    const std::string text = {'Z', 'm', '9', static_cast<char>(c)};
    const bool is_digit = c < 128 && (std::isalnum(c) != 0 || c == '-' || c == '_');
    EXPECT_EQ(decoded(text).has_value(), is_digit) << c;
  }
}

TEST(Base64url, RefusesPaddingAndBlanks) {
  for (const char *text : {"Zg==", "Zm8=", "=", "Zm9v====", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v\r\nYmFy"})
    EXPECT_FALSE(decoded(text)) << text;
}

TEST(Base64url, RefusesImpossibleLengths) {
  for (const char *text : {"A", "AAAAA", "Zm9vY"}) EXPECT_FALSE(decoded(text)) << text;
}

// Each text of two or three digits that decodes is the only one that decodes to these bytes.
TEST(Base64url, IsCanonical) {
  EXPECT_FALSE(decoded("Zh"));
  EXPECT_FALSE(decoded("Zm9"));
  int two = 0, three = 0;
  for (int a = 0; a < 128; ++a)
    for (int b = 0; b < 128; ++b) {
      two += decoded(std::string{static_cast<char>(a), static_cast<char>(b)}) ? 1 : 0;
      three += decoded(std::string{'A', static_cast<char>(a), static_cast<char>(b)}) ? 1 : 0;
    }
  EXPECT_EQ(two, 256);
  EXPECT_EQ(three, 64 * 16);
}

TEST(Base64url, RefusesTooLittleRoom) {
  std::uint8_t room[2] = {7, 7};
  EXPECT_FALSE(decode_base64url("Zm9v", room));
  EXPECT_EQ(room[0], 7);
}

}  // namespace
}  // namespace tenancy
