#include "core/access/permission_set.hpp"

#include <gtest/gtest.h>

#include <bitset>
#include <cstdint>
#include <random>

namespace tenancy {
namespace {

using Bits = std::bitset<max_permissions>;

bool is_same(const PermissionSet &set, const Bits &bits) {
  for (std::size_t id = 0; id < max_permissions; ++id)
    if (set.contains(static_cast<PermissionId>(id)) != bits[id]) return false;
  return true;
}

TEST(PermissionSet, HoldsAddedPermissionsAndNoNeighbours) {
  for (std::size_t id = 0; id < max_permissions; ++id) {
    PermissionSet set;
    EXPECT_TRUE(set.empty());
    set.add(static_cast<PermissionId>(id));
    EXPECT_FALSE(set.empty());
    ASSERT_TRUE(is_same(set, Bits().set(id))) << id;
    set.remove(static_cast<PermissionId>(id));
    ASSERT_EQ(set, PermissionSet{}) << id;
  }
}

TEST(PermissionSet, OfAllHoldsEveryPermission) {
  EXPECT_TRUE(is_same(PermissionSet::of_all(), Bits().set()));
  EXPECT_FALSE(PermissionSet::of_all().empty());
}

TEST(PermissionSet, BehavesLikeASetOfNumbers) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    PermissionSet one, other;
    Bits one_bits, other_bits;
    for (std::uint64_t count = random() % 40; count > 0; --count) {
      const auto id = static_cast<PermissionId>(random() % max_permissions);
      const bool to_one = random() % 2 == 0;
      (to_one ? one : other).add(id);
      (to_one ? one_bits : other_bits).set(id);
    }
    PermissionSet either = one, both = one, only = one;
    either |= other;
    both &= other;
    only -= other;
    ASSERT_TRUE(is_same(either, one_bits | other_bits)) << "round " << round;
    ASSERT_TRUE(is_same(both, one_bits & other_bits)) << "round " << round;
    ASSERT_TRUE(is_same(only, one_bits & ~other_bits)) << "round " << round;
    ASSERT_EQ(one.intersects(other), (one_bits & other_bits).any()) << "round " << round;
    ASSERT_EQ(one == other, one_bits == other_bits) << "round " << round;
    ASSERT_EQ(one.empty(), one_bits.none()) << "round " << round;
  }
}

}  // namespace
}  // namespace tenancy
