#include "core/credential/api_key.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tenancy {
namespace {

using namespace std::string_literals;

constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_part = 4, checksum_part = 47;

using RandomBytes = std::array<std::uint8_t, api_key_random_bytes>;

std::string key_from(const RandomBytes &random) {
  const ApiKeyText text = format_api_key(random);
  return {text.begin(), text.end()};
}

std::vector<std::string> some_keys(int count) {
  std::mt19937_64 random(62);
  std::vector<std::string> keys;
  for (int i = 0; i < count; ++i) {
    RandomBytes bytes;
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    keys.push_back(key_from(bytes));
  }
  return keys;
}

// The number that the random part spells.
RandomBytes bytes_spelled_by(std::string_view key) {
  RandomBytes number{};
  for (const char c : key.substr(random_part, checksum_part - random_part)) {
    std::size_t carry = digits.find(c);
    for (std::size_t i = number.size(); i-- > 0; carry /= 256) {
      carry += std::size_t{number[i]} * 62;
      number[i] = static_cast<std::uint8_t>(carry % 256);
    }
  }
  return number;
}

// Keys are kept by users for years: what one version makes, all later ones must know. The checksums are those
// of another implementation of CRC-32.
TEST(ApiKey, HasAFormatThatNeverChanges) {
  RandomBytes bytes{};
  EXPECT_EQ(key_from(bytes), "pgt_00000000000000000000000000000000000000000002CZclj");
  bytes.fill(0xff);
  EXPECT_EQ(key_from(bytes), "pgt_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13sRzl1");
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(key_from(bytes), "pgt_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1Yo7hP");
}

TEST(ApiKey, IsPrefixAndDigitsOfAFixedLength) {
  for (const std::string &key : some_keys(1000)) {
    ASSERT_EQ(key.size(), 53U);
    ASSERT_EQ(key.size(), api_key_length);
    ASSERT_TRUE(key.starts_with("pgt_"));
    ASSERT_EQ(key.find_first_not_of(digits, random_part), std::string::npos) << key;
    ASSERT_TRUE(is_api_key(key)) << key;
  }
}

TEST(ApiKey, LosesNoneOfItsRandomBits) {
  std::mt19937_64 random(256);
  for (std::size_t bit = 0; bit < 256; ++bit) {
    RandomBytes bytes{};
    bytes[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_EQ(bytes_spelled_by(key_from(bytes)), bytes) << "bit " << bit;
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    ASSERT_EQ(bytes_spelled_by(key_from(bytes)), bytes);
  }
}

TEST(ApiKey, WithAnyOneCharacterChangedIsNone) {
  for (const std::string &key : some_keys(20)) {
    std::string changed = key;
    for (std::size_t i = 0; i < key.size(); ++i) {
      for (int other = 0; other < 256; ++other) {
        changed[i] = static_cast<char>(other);
        ASSERT_EQ(is_api_key(changed), changed == key) << key << ", character " << i << " is " << other;
      }
      changed[i] = key[i];
    }
  }
}

TEST(ApiKey, WithAnyTwoCharactersSwappedIsNone) {
  for (const std::string &key : some_keys(100)) {
    std::string swapped = key;
    for (std::size_t i = 0; i < key.size(); ++i)
      for (std::size_t j = i + 1; j < key.size(); ++j) {
        std::swap(swapped[i], swapped[j]);
        ASSERT_EQ(is_api_key(swapped), swapped == key) << key << ", characters " << i << " and " << j;
        std::swap(swapped[i], swapped[j]);
      }
  }
}

TEST(ApiKey, WithACharacterMoreOrLessIsNone) {
  for (const std::string &key : some_keys(20))
    for (std::size_t i = 0; i <= key.size(); ++i) {
      for (const char c : "0z_ \n"s + '\0') {
        ASSERT_FALSE(is_api_key(std::string(key).insert(i, 1, c))) << key << ", position " << i;
      }
      if (i < key.size()) {
        ASSERT_FALSE(is_api_key(std::string(key).erase(i, 1))) << key << ", position " << i;
      }
    }
}

TEST(ApiKey, IsNoOtherText) {
  const std::string key = some_keys(1).front();
  std::string upper_case = key, lower_case = key;
  for (char &c : upper_case) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  for (char &c : lower_case) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string texts[] = {""s,
                               "pgt_"s,
                               key.substr(0, random_part + 43),
                               key.substr(random_part),
                               "PGT_" + key.substr(random_part),
                               "pgt-" + key.substr(random_part),
                               "sk_0" + key.substr(random_part),
                               upper_case,
                               lower_case,
                               key + key,
                               key + "\n",
                               " " + key,
                               std::string(api_key_length, '\0'),
                               std::string(api_key_length, '\xff'),
                               "pgt_"s + std::string(49, '0'),
                               "pgt_"s + std::string(49, '\0'),
                               "pgt_"s + std::string(48, '\xc3') + '\xa9',
                               "\xef\xbb\xbf" + key,
                               std::string(std::size_t{1} << 24, 'p'),
                               key + std::string(std::size_t{1} << 24, '0')};
  for (const std::string &text : texts) {
    EXPECT_FALSE(is_api_key(text)) << text.substr(0, 100);
    EXPECT_EQ(api_key_display_prefix(text), "") << text.substr(0, 100);
  }
  EXPECT_FALSE(is_api_key({}));
  EXPECT_EQ(api_key_display_prefix({}), "");
}

// A text that has to be quoted somewhere isn't made a key by its checksum.
TEST(ApiKey, IsNoOtherTextWithItsChecksum) {
  for (const std::string &text :
       {"pgt_"s + std::string(43, '-') + "0V1Wlg", "pgt_"s + std::string(43, '\0') + "4YBw8H",
        "pgt_"s + std::string(41, '0') + "\xc3\xa9" + "3lwiVV", "pgt_"s + std::string(42, '0') + " 1rnrh5"})
    EXPECT_FALSE(is_api_key(text)) << text;
}

TEST(ApiKey, ShowsItsFirstFourDigitsAndNothingOfAMistypedOne) {
  for (const std::string &key : some_keys(20)) {
    EXPECT_EQ(api_key_display_prefix(key), key.substr(0, 8));
    std::string mistyped = key;
    std::swap(mistyped[checksum_part - 1], mistyped[checksum_part - 2]);
    EXPECT_EQ(api_key_display_prefix(mistyped), mistyped == key ? key.substr(0, 8) : "");
  }
}

}  // namespace
}  // namespace tenancy
