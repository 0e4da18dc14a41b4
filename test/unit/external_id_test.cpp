#include "core/access/external_id.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>

namespace tenancy {
namespace {

using namespace std::string_view_literals;

template <typename Integer>
class IntegerId : public testing::Test {};
using Integers = testing::Types<std::int16_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(IntegerId, Integers);

// One more or one less, in decimal digits: what an integer type can't hold can't be computed in it.
std::string further_from_zero(std::string digits) {
  std::size_t i = digits.size();
  while (digits[--i] == '9') digits[i] = '0';
  ++digits[i];
  return digits;
}

TYPED_TEST(IntegerId, ReachesToTheEndsOfTheTypeAndNoFurther) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam end : {Limits::min(), Limits::max()}) {
    EXPECT_EQ(integer_id<TypeParam>(std::to_string(end)), end);
    EXPECT_EQ(integer_id<TypeParam>(further_from_zero(std::to_string(end))), std::nullopt);
  }
  EXPECT_EQ(integer_id<TypeParam>("99999999999999999999999999999999999999"), std::nullopt);
}

TYPED_TEST(IntegerId, IsReadBackFromItsSpelling) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 10000; ++round) {
    const auto value = static_cast<TypeParam>(random() >> (random() % 64));
    ASSERT_EQ(integer_id<TypeParam>(std::to_string(value)), value);
    ASSERT_EQ(integer_id<TypeParam>("0" + std::to_string(value)), std::nullopt);
    ASSERT_EQ(integer_id<TypeParam>(std::to_string(value) + " "), std::nullopt);
  }
}

TYPED_TEST(IntegerId, HasOneSpellingOnly) {
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "+"sv,
                                      "-"sv,
                                      "07"sv,
                                      "00"sv,
                                      "-0"sv,
                                      "-07"sv,
                                      "+7"sv,
                                      " 7"sv,
                                      "7 "sv,
                                      "7\n"sv,
                                      "\t7"sv,
                                      "7.0"sv,
                                      "7e0"sv,
                                      "0x7"sv,
                                      "1_000"sv,
                                      "1,000"sv,
                                      "--7"sv,
                                      "- 7"sv,
                                      "7-"sv,
                                      "seven"sv,
                                      "\0"sv,
                                      "7\0"sv,
                                      "\0007"sv,
                                      "7\0007"sv,
                                      "NaN"sv,
                                      "\xd9\xa7"sv /* arabic-indic seven */,
                                      "\xef\xbc\x97"sv /* fullwidth seven */,
                                      "\xff"sv})
    EXPECT_EQ(integer_id<TypeParam>(text), std::nullopt) << text;
  EXPECT_EQ(integer_id<TypeParam>(std::string_view{}), std::nullopt);
  EXPECT_EQ(integer_id<TypeParam>(std::string(1 << 20, '1')), std::nullopt);
}

TYPED_TEST(IntegerId, IsAcceptedExactlyIfPrintingItGivesTheText) {
  constexpr std::string_view alphabet = "-+ 0179";
  constexpr int longest = 5;
  std::string text;
  // Every text over the alphabet up to that length, as numbers to the base of its size.
  for (int length = 0, count = 1; length <= longest; ++length, count *= static_cast<int>(alphabet.size()))
    for (int n = 0; n < count; ++n) {
      text.clear();
      for (int i = 0, rest = n; i < length; ++i, rest /= static_cast<int>(alphabet.size()))
        text += alphabet[static_cast<std::size_t>(rest) % alphabet.size()];
      const bool is_negative = text.starts_with('-');
      const std::string digits = text.substr(is_negative ? 1 : 0);
      const bool is_canonical = !digits.empty() && digits.find_first_of("-+ ") == std::string::npos &&
                                (digits[0] != '0' || text == "0");
      const bool fits = is_canonical && std::stoll(text) >= std::numeric_limits<TypeParam>::min() &&
                        std::stoll(text) <= std::numeric_limits<TypeParam>::max();
      const auto id = integer_id<TypeParam>(text);
      ASSERT_EQ(id.has_value(), fits) << '"' << text << '"';
      if (id) {
        ASSERT_EQ(std::to_string(*id), text);
      }
    }
}

}  // namespace
}  // namespace tenancy
