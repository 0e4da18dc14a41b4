// Elevation: who may take which role, for how long, and who approves it.
#include "core/access/elevation.hpp"

#include <gtest/gtest.h>

#include "world.hpp"

namespace tenancy::test {
namespace {

constexpr Uuid mia = made_up_id(0x40, 1), max = made_up_id(0x40, 2), admin = made_up_id(0x50, 1),
               member = made_up_id(0x50, 2), on_call = made_up_id(0x60, 1), first = made_up_id(0x70, 1),
               second = made_up_id(0x70, 2);

constexpr ElevationRule for_mia{first, admin, mia, {}, {}, 100, 3, false};
constexpr ElevationSubject plain_mia{mia, {}, {}};

ElevationAnswer answer(std::span<const ElevationRule> rules, const ElevationSubject &subject = plain_mia,
                       std::int64_t end = 100, const Uuid &role = admin) {
  return decide_elevation(rules, subject, role, end).answer;
}

TEST(Elevation, IsForWhomItIsListed) {
  EXPECT_EQ(answer({&for_mia, 1}), ElevationAnswer::allowed);
  EXPECT_EQ(answer({&for_mia, 1}, {max, {}, {}}), ElevationAnswer::not_listed);
  EXPECT_EQ(answer({}), ElevationAnswer::not_listed);
  EXPECT_EQ(answer({&for_mia, 1}, plain_mia, 100, member), ElevationAnswer::not_listed);
}

TEST(Elevation, IsForARoleOrAGroup) {
  const ElevationRule for_members{first, admin, {}, member, {}, 100, 3, false};
  const ElevationRule for_group{first, admin, {}, {}, on_call, 100, 3, false};
  EXPECT_EQ(answer({&for_members, 1}), ElevationAnswer::not_listed);
  EXPECT_EQ(answer({&for_members, 1}, {mia, {&member, 1}, {}}), ElevationAnswer::allowed);
  // Ids of one kind are no ids of another.
  EXPECT_EQ(answer({&for_members, 1}, {mia, {}, {&member, 1}}), ElevationAnswer::not_listed);
  EXPECT_EQ(answer({&for_group, 1}), ElevationAnswer::not_listed);
  EXPECT_EQ(answer({&for_group, 1}, {mia, {}, {&on_call, 1}}), ElevationAnswer::allowed);
  // A rule about nobody.
  const Uuid nil;
  const ElevationRule for_nobody{first, admin, {}, {}, {}, 100, 3, false};
  EXPECT_EQ(answer({&for_nobody, 1}, {{}, {&nil, 1}, {&nil, 1}}), ElevationAnswer::not_listed);
}

TEST(Elevation, HasAMaximum) {
  EXPECT_EQ(answer({&for_mia, 1}, plain_mia, 101), ElevationAnswer::too_long);
  ElevationRule used_up = for_mia;
  used_up.left_today = 0;
  EXPECT_EQ(answer({&used_up, 1}), ElevationAnswer::too_often);
}

TEST(Elevation, FollowsTheRuleThatAllowsMost) {
  ElevationRule with_approval = for_mia, longer = for_mia;
  with_approval.needs_approval = true;
  with_approval.latest_end = 200;
  longer.id = second;
  longer.latest_end = 150;
  const ElevationRule rules[] = {with_approval, longer};
  EXPECT_EQ(decide_elevation(rules, plain_mia, admin, 150).rule, second);
  EXPECT_EQ(answer(rules, plain_mia, 151), ElevationAnswer::needs_approval);
  EXPECT_EQ(answer(rules, plain_mia, 201), ElevationAnswer::too_long);
}

TEST(Elevation, IsApprovedByAThirdPerson) {
  EXPECT_TRUE(may_approve(max, mia, second));
  EXPECT_TRUE(may_approve(max, mia, {}));
  EXPECT_FALSE(may_approve(mia, mia, second));
  EXPECT_FALSE(may_approve(max, mia, max));
  EXPECT_FALSE(may_approve({}, mia, {}));
}

}  // namespace
}  // namespace tenancy::test
