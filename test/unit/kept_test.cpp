#include "core/access/kept.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tenancy {
namespace {

TEST(Kept, LessContentIsStricter) {
  EXPECT_EQ(stricter_value("store_content", "full", "metadata"), "metadata");
  EXPECT_EQ(stricter_value("store_content", "none", "metadata"), "none");
  EXPECT_EQ(stricter_value("store_content", "full", "full"), "full");
  EXPECT_EQ(stricter(Stored::metadata, Stored::full), Stored::metadata);
  EXPECT_EQ(stored_named("everything"), std::nullopt);
}

TEST(Kept, FewerDaysAreStricter) {
  for (int one : {0, 1, 9, 10, 30, 99, 100, 365, 99999})
    for (int other : {0, 1, 9, 10, 30, 99, 100, 365, 99999})
      EXPECT_EQ(stricter_value("retention_days.logs", std::to_string(one), std::to_string(other)),
                std::to_string(std::min(one, other)));
}

TEST(Kept, AHoldIsOneValue) { EXPECT_EQ(stricter_value("legal_hold", "on", "on"), "on"); }

}  // namespace
}  // namespace tenancy
