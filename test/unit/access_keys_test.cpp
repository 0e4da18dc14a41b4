// The rights of API keys.
#include "core/access/access.hpp"

#include <gtest/gtest.h>

#include "access_worlds.hpp"

namespace tenancy::test {
namespace {

// The key of a user with a role in the workspace `here`; the user's rights are given as they are there.
World with_user_key(const PermissionSet &users, const PermissionSet &scopes) {
  World world = with_role_here(workspace_manager_role, users);
  world.key = key_of(KeyKind::workspace_user_key, here, scopes);
  return world;
}

TEST(AccessOfKeys, OrganizationServiceKeysHaveTheirScopesEverywhere) {
  World world;
  world.key = key_of(KeyKind::organization_service_key, {}, set_of({logs_view, api_keys_create}));
  const Access access = world.access();
  const Rights expected{set_of({logs_view, api_keys_create}), {}};
  EXPECT_EQ(access.on_organization(), expected);
  EXPECT_EQ(access.on_unassigned(), expected);
  EXPECT_TRUE(access.reaches_every_workspace());
  EXPECT_EQ(access.in_workspace(here), expected);
}

TEST(AccessOfKeys, AMasterKeyHasPermissionsRegisteredLater) {
  World world;
  world.key = key_of(KeyKind::organization_service_key, {}, PermissionSet::of_all());
  for (const PermissionId id : {0, 1, 63, 64, 701, 1022})
    EXPECT_EQ(world.access().in_workspace(here).rows(id), Rows::all) << id;
}

TEST(AccessOfKeys, WorkspaceServiceKeysHaveTheirScopesInTheirWorkspace) {
  World world;
  world.key = key_of(KeyKind::workspace_service_key, here, set_of({logs_view, api_keys_create}));
  const Access access = world.access();
  EXPECT_EQ(access.in_workspace(here), (Rights{set_of({logs_view, api_keys_create}), {}}));
  EXPECT_TRUE(access.in_workspace(there).empty());
  EXPECT_TRUE(access.on_organization().empty());
  EXPECT_TRUE(access.on_unassigned().empty());
  EXPECT_FALSE(access.reaches_every_workspace());
}

TEST(AccessOfKeys, ServiceKeysBypassVisibility) {
  World world = with_role_here(workspace_member_role, everything());
  world.switches = {{workspace_member_role, {}, false}};
  world.key = key_of(KeyKind::workspace_service_key, here, set_of({logs_view}));
  EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::all);
}

TEST(AccessOfKeys, UserKeysHaveTheScopesThatTheUserHolds) {
  const World world =
      with_user_key(set_of({logs_view, prompts_view}), set_of({prompts_view, prompts_update}));
  EXPECT_EQ(world.access().in_workspace(here), (Rights{set_of({prompts_view}), {}}));
}

TEST(AccessOfKeys, UserKeysSeeTheRowsThatTheUserSees) {
  World world = with_user_key(set_of({logs_view}), set_of({logs_view}));
  world.switches = {{workspace_manager_role, {}, false}};
  EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::own);
}

TEST(AccessOfKeys, UserKeysStayInTheirWorkspace) {
  World world = with_user_key(everything(), everything());
  world.become(organization_owner_role, everything());
  world.join(there, workspace_manager_role);
  const Access access = world.access();
  EXPECT_FALSE(access.in_workspace(here).empty());
  EXPECT_TRUE(access.in_workspace(there).empty());
  EXPECT_TRUE(access.on_organization().empty());
  EXPECT_TRUE(access.on_unassigned().empty());
  EXPECT_FALSE(access.reaches_every_workspace());
}

TEST(AccessOfKeys, UserKeysWriteTracesOfCompletionsByScopeAlone) {
  const PermissionSet written = set_of({completions_write, logs_write});
  PermissionSet scopes = written;
  scopes |= set_of({prompts_update});
  const Access access = with_user_key(set_of({prompts_view}), scopes).access();
  EXPECT_NE(rows_in(access, here, completions_write), Rows::none);
  EXPECT_NE(rows_in(access, here, logs_write), Rows::none);
  EXPECT_EQ(rows_in(access, here, prompts_update), Rows::none);
  // And nothing without the scope.
  EXPECT_TRUE(with_user_key(set_of({prompts_view}), {}).access().in_workspace(here).empty());
}

TEST(AccessOfKeys, UserKeysWriteEvenWhereTheUsersRoleHoldsNothing) {
  EXPECT_NE(rows_in(with_user_key({}, set_of({logs_write})).access(), here, logs_write), Rows::none);
}

TEST(AccessOfKeys, UserKeysNeverManageKeys) {
  for (const Uuid &role : workspace_roles) {
    World world = with_role_here(role, everything());
    world.become(organization_owner_role, everything());
    world.key = key_of(KeyKind::workspace_user_key, here, PermissionSet::of_all());
    EXPECT_EQ(rows_in(world.access(), here, api_keys_create), Rows::none) << Named{role};
    EXPECT_EQ(rows_in(world.access(), here, api_keys_export), Rows::none) << Named{role};
    EXPECT_EQ(rows_in(world.access(), here, api_keys_view), Rows::all) << Named{role};
  }
}

TEST(AccessOfKeys, KeysOfRemovedUsersHaveNoRights) {
  World gone = with_user_key(everything(), PermissionSet::of_all());
  gone.user_is_gone = true;
  World left = with_user_key(everything(), PermissionSet::of_all());
  left.memberships.clear();
  left.become(organization_member_role, everything());
  for (const World &world : {gone, left})
    EXPECT_EQ(world.access().anywhere(PermissionSet::of_all()), Rows::none) << text_of(world);
}

TEST(AccessOfKeys, AnOwnersKeyWorksWhereTheOwnerIsNoMember) {
  World world = with_organization_role(organization_owner_role, set_of({logs_view}));
  world.key = key_of(KeyKind::workspace_user_key, here, set_of({logs_view, logs_write}));
  EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::all);
  EXPECT_NE(rows_in(world.access(), here, logs_write), Rows::none);
}

}  // namespace
}  // namespace tenancy::test
