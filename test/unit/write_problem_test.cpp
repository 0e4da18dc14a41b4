// Why a row is refused: the order in which problems are named, and who may write for others.

#include "core/access/write_problem.hpp"

#include <gtest/gtest.h>

namespace tenancy {
namespace {

constexpr PermissionId create = 3, attribute = 4;

PermissionSet only(PermissionId id) {
  PermissionSet set;
  set.add(id);
  return set;
}

Uuid id(std::uint8_t last) {
  Uuid value;
  value.bytes[15] = last;
  return value;
}

// A user with one organization role that was born with a permission, and one workspace role.
struct World {
  Role organization_role, workspace_role;
  WorkspaceMembership membership;
  UserFacts facts;

  Access access(const Uuid &organization_role_id, const Uuid &workspace_role_id) {
    organization_role = {
        organization_role_id,
        organization_role_id == organization_owner_role || organization_role_id == organization_admin_role,
        only(create)};
    workspace_role = {workspace_role_id, false, only(create)};
    membership = {id(2), workspace_role_id};
    roles = {organization_role, workspace_role};
    facts.organization = id(1);
    facts.organization_role = organization_role_id;
    facts.memberships = {&membership, workspace_role_id ? std::size_t{1} : std::size_t{0}};
    facts.roles = roles;
    facts.shared = only(create);
    return Access::of_user(facts);
  }
  std::vector<Role> roles;
};

WrittenRow own_row() {
  WrittenRow row;
  row.organization = row.workspace = row.owner = Named::principals;
  row.workspace_id = id(2);
  row.api_key = Named::nothing;
  row.is_own = true;
  return row;
}

Write insert() {
  Write write;
  write.any_of = only(create);
  return write;
}

Writer user() {
  Writer writer;
  writer.names_user = true;
  return writer;
}

TEST(WriteProblem, AcceptsWhatSaysWhoWrites) {
  World world;
  const Access access = world.access(organization_member_role, workspace_member_role);
  EXPECT_EQ(problem_of_write(access, user(), insert(), own_row()), WriteProblem::none);
}

TEST(WriteProblem, NamesTheFirstReason) {
  World world;
  const Access access = world.access(organization_member_role, workspace_member_role);
  WrittenRow row = own_row();
  row.owner = Named::another;
  EXPECT_EQ(problem_of_write(access, user(), insert(), row), WriteProblem::foreign_owner);
  row.owner = Named::nothing;
  EXPECT_EQ(problem_of_write(access, user(), insert(), row), WriteProblem::owner_missing);
  row.workspace = Named::another;
  EXPECT_EQ(problem_of_write(access, user(), insert(), row), WriteProblem::unknown_workspace);
  row.organization = Named::another;
  EXPECT_EQ(problem_of_write(access, user(), insert(), row), WriteProblem::foreign_organization);
  row.organization = Named::nothing;
  EXPECT_EQ(problem_of_write(access, user(), insert(), row), WriteProblem::organization_missing);
  // Where it must not be learnt whether there is such a parent, the producer comes first.
  Write write = insert();
  write.attribution_first = true;
  EXPECT_EQ(problem_of_write(access, user(), write, row), WriteProblem::owner_missing);
  write.any_of = only(attribute);
  EXPECT_EQ(problem_of_write(access, user(), write, row), WriteProblem::no_permission);
  write.any_of = {};
  EXPECT_EQ(problem_of_write(access, user(), write, row), WriteProblem::append_only);
  Writer nobody;
  nobody.is_anonymous = true;
  EXPECT_EQ(problem_of_write(Access{}, nobody, write, row), WriteProblem::no_principal);
}

TEST(WriteProblem, RowsWithoutWorkspaceBelongToTheHeads) {
  World world;
  WrittenRow row = own_row();
  row.workspace = Named::nothing;
  row.workspace_id = {};
  EXPECT_EQ(
      problem_of_write(world.access(organization_member_role, workspace_admin_role), user(), insert(), row),
      WriteProblem::workspace_missing);
  EXPECT_EQ(problem_of_write(world.access(organization_owner_role, {}), user(), insert(), row),
            WriteProblem::none);
}

TEST(WriteProblem, KeysNameNoUser) {
  World world;
  const Access access = world.access(organization_owner_role, {});
  Writer key;
  key.names_api_key = true;
  WrittenRow row = own_row();
  EXPECT_EQ(problem_of_write(access, key, insert(), row), WriteProblem::api_key_missing);
  row.owner = Named::another;
  EXPECT_EQ(problem_of_write(access, key, insert(), row), WriteProblem::owner_given);
  row.owner = Named::nothing;
  row.api_key = Named::another;
  EXPECT_EQ(problem_of_write(access, key, insert(), row), WriteProblem::foreign_api_key);
  EXPECT_EQ(problem_of_write(access, user(), insert(), row), WriteProblem::owner_missing);
}

TEST(WriteProblem, HeadsWriteForOthers) {
  World world;
  const auto may = [&](const Uuid &organization_role, const Uuid &workspace_role, const Uuid &workspace) {
    return may_write_for_others(world.access(organization_role, workspace_role), false, only(create), {},
                                true, workspace);
  };
  EXPECT_TRUE(may(organization_owner_role, {}, id(2)));
  EXPECT_TRUE(may(organization_admin_role, {}, id(3)));
  EXPECT_TRUE(may(organization_member_role, workspace_admin_role, id(2)));
  EXPECT_FALSE(may(organization_member_role, workspace_admin_role, id(3)));
  EXPECT_FALSE(may(organization_member_role, workspace_manager_role, id(2)));
  EXPECT_FALSE(may(organization_member_role, workspace_member_role, id(2)));
  EXPECT_FALSE(
      may_write_for_others(world.access(organization_owner_role, {}), true, only(create), {}, true, id(2)))
      << "a key";
}

TEST(WriteProblem, WhereThereIsAPermissionForItItDecides) {
  World world;
  const Access owner = world.access(organization_owner_role, {});
  for (const bool is_key : {false, true}) {
    EXPECT_FALSE(may_write_for_others(owner, is_key, only(create), only(attribute), true, id(2)));
    EXPECT_TRUE(may_write_for_others(owner, is_key, only(create), only(create), true, id(2)));
    EXPECT_FALSE(may_write_for_others(owner, is_key, only(attribute), only(create), true, id(2)));
  }
}

TEST(WriteProblem, OnlyWhoMayViewIsNamed) {
  World world;
  const auto may = [&](const Uuid &organization_role, const Uuid &workspace_role, const PermissionSet &view,
                       const Uuid &workspace) {
    return may_be_named(world.access(organization_role, workspace_role), view, true, workspace);
  };
  EXPECT_TRUE(may(organization_member_role, workspace_member_role, only(create), id(2)));
  EXPECT_FALSE(may(organization_member_role, workspace_member_role, only(attribute), id(2)));
  EXPECT_FALSE(may(organization_member_role, workspace_member_role, only(create), id(3)));
  EXPECT_TRUE(may(organization_owner_role, {}, only(create), id(3)));
  // Rows of no workspace are seen by owners and admins alone.
  EXPECT_TRUE(may(organization_owner_role, {}, only(create), {}));
  EXPECT_FALSE(may(organization_member_role, workspace_member_role, only(create), {}));
}

}  // namespace
}  // namespace tenancy
