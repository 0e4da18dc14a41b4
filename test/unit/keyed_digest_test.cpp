// Digests of the authors' own list (key 00 01 … 0f, texts 00 01 …), and in parts of any length.
#include "core/credential/keyed_digest.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace tenancy {
namespace {

KeyedDigest::Key key() {
  KeyedDigest::Key key{};
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  return key;
}

std::vector<std::uint8_t> text_of(std::size_t length) {
  std::vector<std::uint8_t> text(length);
  std::iota(text.begin(), text.end(), std::uint8_t{0});
  return text;
}

KeyedDigest::Digest digest_of(const std::vector<std::uint8_t> &text, const KeyedDigest::Key &with) {
  KeyedDigest digest(with);
  digest.add(text);
  return digest.finish();
}

std::string hex(const KeyedDigest::Digest &digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

TEST(KeyedDigest, Examples) {
  EXPECT_EQ(hex(digest_of(text_of(0), key())), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(hex(digest_of(text_of(1), key())), "da87c1d86b99af44347659119b22fc45");
}

TEST(KeyedDigest, InParts) {
  const auto text = text_of(40);
  const auto whole = digest_of(text, key());
  for (std::size_t first = 0; first <= text.size(); first++)
    for (std::size_t second = first; second <= text.size(); second++) {
      KeyedDigest digest(key());
      const std::span<const std::uint8_t> all(text);
      digest.add(all.first(first));
      digest.add(all.subspan(first, second - first));
      digest.add(all.subspan(second));
      EXPECT_EQ(digest.finish(), whole);
    }
}

TEST(KeyedDigest, DiffersByLengthAndKey) {
  std::set<KeyedDigest::Digest> digests;
  KeyedDigest::Key other = key();
  other[15] ^= 1;
  for (std::size_t length = 0; length < 100; length++) {
    EXPECT_TRUE(digests.insert(digest_of(std::vector<std::uint8_t>(length), key())).second);
    EXPECT_TRUE(digests.insert(digest_of(std::vector<std::uint8_t>(length), other)).second);
  }
}

}  // namespace
}  // namespace tenancy
