// Digests of FIPS 180-4's examples, and of lengths around the ends of blocks.
#include "core/credential/sha256.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tenancy {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

std::string hex(const Sha256::Digest &digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string digest_of(std::string_view text) {
  Sha256 sha;
  sha.add(bytes_of(text));
  return hex(sha.finish());
}

TEST(Sha256, Examples) {
  EXPECT_EQ(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(
      digest_of(
          "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopq"
          "rsmnopqrstnopqrstu"),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(digest_of(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// A digest of the digests of all lengths up to three blocks.
TEST(Sha256, Lengths) {
  Sha256 all;
  for (std::size_t length = 0; length <= 192; length++)
    all.add(bytes_of(digest_of(std::string(length, 'x'))));
  EXPECT_EQ(hex(all.finish()), "60d791e3fe413c2c186fa59473d44ce5b19affb97254298b42d062c2a5ab891a");
}

TEST(Sha256, Parts) {
  const std::string text(300, 'y');
  for (std::size_t first = 0; first <= 130; first++)
    for (std::size_t second = 0; second <= 130; second += 13) {
      Sha256 sha;
      sha.add(bytes_of(text).first(first));
      sha.add(bytes_of(text).subspan(first, second));
      sha.add(bytes_of(text).subspan(first + second));
      ASSERT_EQ(hex(sha.finish()), digest_of(text)) << first << " " << second;
    }
}

}  // namespace
}  // namespace tenancy
