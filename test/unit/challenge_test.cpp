#include "core/claims/challenge.hpp"

#include <gtest/gtest.h>

namespace tenancy {
namespace {

std::span<const std::uint8_t> bytes_of(const std::string &text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

const Challenge challenge{0x1122334455667788, 16384, 4711, 1234567890123, 10, {{1, 2, 3, 4}}, "app"};

TEST(Challenge, HoldsEverything) {
  std::string text;
  write_challenge(challenge, text);
  const auto found = read_challenge(bytes_of(text));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->system, challenge.system);
  EXPECT_EQ(found->database, challenge.database);
  EXPECT_EQ(found->process, challenge.process);
  EXPECT_EQ(found->started_at, challenge.started_at);
  EXPECT_EQ(found->login_id, challenge.login_id);
  EXPECT_EQ(found->random, challenge.random);
  EXPECT_EQ(found->login, challenge.login);
}

TEST(Challenge, RefusesAnythingElse) {
  std::string text;
  write_challenge(challenge, text);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(read_challenge(bytes_of(text).first(size))) << size;
  EXPECT_FALSE(read_challenge(bytes_of(text + "x")));
  std::string nobody;
  write_challenge({}, nobody);
  EXPECT_FALSE(read_challenge(bytes_of(nobody)));
  text[0] = 2;
  EXPECT_FALSE(read_challenge(bytes_of(text)));
}

}  // namespace
}  // namespace tenancy
