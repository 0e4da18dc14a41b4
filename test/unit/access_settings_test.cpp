// Settings of organizations and workspaces about their roles: grants and visibility.
#include "core/access/access.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <vector>

#include "access_worlds.hpp"

namespace tenancy::test {
namespace {

// --- settings: grants --------------------------------------------------------------------------------------

TEST(AccessByGrants, AWorkspaceWinsOverTheOrganizationWhichWinsOverTheRole) {
  struct {
    bool born_with;
    std::optional<bool> organization, workspace;
    bool open, held;
  } constexpr cases[] = {
      {false, unset, unset, false, false},
      {true, unset, unset, false, true},
      {false, yes, unset, false, true},
      {true, no, unset, false, false},
      {false, unset, yes, true, true},
      {true, unset, no, true, false},
      {false, no, yes, true, true},
      {true, yes, no, true, false},
      {true, no, yes, true, true},
      {false, yes, no, true, false},
      // Where the category isn't open, the workspace's setting is kept and ignored.
      {false, unset, yes, false, false},
      {true, unset, no, false, true},
      {false, no, yes, false, false},
      {true, yes, no, false, true},
      {true, no, yes, false, false},
      {false, yes, no, false, true},
  };
  for (const auto &[born_with, organization, workspace, open, held] : cases) {
    World world =
        with_role_here(workspace_manager_role, born_with ? set_of({prompts_view}) : PermissionSet{});
    if (organization) world.grants.push_back({workspace_manager_role, {}, prompts_view, *organization});
    if (workspace) world.grants.push_back({workspace_manager_role, here, prompts_view, *workspace});
    if (open) world.open = {"prompts"};
    EXPECT_EQ(rows_in(world.access(), here, prompts_view), held ? Rows::all : Rows::none) << text_of(world);
  }
}

TEST(AccessByGroups, IsTheUnionOfPermissionsWithTheRowsTheyReach) {
  // A role that sees all rows of one permission widens no other permission of another role.
  World world = with_role_here(workspace_member_role, set_of({logs_view, prompts_view}));
  world.join(here, reviewer_role, set_of({analytics_view}));
  world.switches = {{workspace_member_role, {}, false}, {reviewer_role, {}, true}};
  EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::own);
  EXPECT_EQ(rows_in(world.access(), here, analytics_view), Rows::all);
  world.join(here, editor_role, set_of({logs_view}));
  world.switches.push_back({editor_role, {}, true});
  EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::all);
  // Overrides apply to each role before the union.
  world.grants = {{editor_role, {}, logs_view, false}};
  EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::own);
  EXPECT_FALSE(world.access().is_above_settings(here));
  world.become_by_group(organization_admin_role, set_of({logs_view}));
  EXPECT_EQ(rows_in(world.access(), there, logs_view), Rows::all);
  EXPECT_TRUE(world.access().is_above_settings({}));
}

TEST(AccessByGrants, AWorkspacesSettingStaysInTheWorkspace) {
  World world = with_role_here(workspace_member_role, set_of({prompts_view}));
  world.join(there, workspace_member_role);
  world.grants = {{workspace_member_role, here, prompts_view, false}};
  world.open = {"prompts"};
  EXPECT_EQ(rows_in(world.access(), here, prompts_view), Rows::none);
  EXPECT_EQ(rows_in(world.access(), there, prompts_view), Rows::all);
}

TEST(AccessByGrants, ASettingIsAboutOneRole) {
  World world = with_role_here(workspace_member_role, set_of({prompts_view}));
  world.join(there, workspace_manager_role, set_of({prompts_view}));
  world.grants = {{workspace_manager_role, {}, prompts_view, false}};
  EXPECT_EQ(rows_in(world.access(), here, prompts_view), Rows::all);
  EXPECT_EQ(rows_in(world.access(), there, prompts_view), Rows::none);
}

TEST(AccessByGrants, OpeningACategoryOpensItsResourceOnly) {
  for (const std::string_view category :
       {"data_visibility", "logs", "analytics", "api_keys", "prompts", "guardrails", "integrations"}) {
    World world = with_role_here(workspace_manager_role, everything());
    deny_everything(world, workspace_manager_role);
    std::erase_if(world.grants, [](const GrantRow &row) { return !row.workspace; });
    world.open = {category};
    for (const Permission &permission : permissions)
      EXPECT_EQ(rows_in(world.access(), here, permission),
                permission.resource == category || is_of_organization(permission) ? Rows::none : Rows::all)
          << category << ", " << permission;
  }
}

TEST(AccessByGrants, OwnersAndWorkspaceAdminsAreAboveEverySetting) {
  World owner = with_organization_role(organization_owner_role, everything());
  deny_everything(owner, organization_owner_role);
  World admin = with_role_here(workspace_admin_role, everything());
  deny_everything(admin, workspace_admin_role);
  for (const Permission &permission : permissions) {
    const Rows expected = is_of_organization(permission) ? Rows::none : Rows::all;
    EXPECT_EQ(rows_in(owner.access(), here, permission), expected) << permission;
    EXPECT_EQ(owner.access().on_organization().rows(permission.id), Rows::all) << permission;
    EXPECT_EQ(rows_in(admin.access(), here, permission), expected) << permission;
  }
}

TEST(AccessByGrants, AdminsAreAboveEverySettingButThoseAboutLogs) {
  World world = with_organization_role(organization_admin_role, everything());
  deny_everything(world, organization_admin_role);
  const Access access = world.access();
  for (const Permission &permission : permissions) {
    const Rows expected = permission == logs_view || permission == logs_list ? Rows::none : Rows::all;
    const Rows of_rows = is_of_organization(permission) ? Rows::none : expected;
    EXPECT_EQ(rows_in(access, here, permission), of_rows) << permission;
    EXPECT_EQ(access.on_organization().rows(permission.id), expected) << permission;
    EXPECT_EQ(access.on_unassigned().rows(permission.id), of_rows) << permission;
  }
}

TEST(AccessByGrants, AWorkspaceTakesNothingFromTheOrganizationsRoles) {
  for (const Uuid &role : {organization_admin_role, auditor_role}) {
    World world = with_organization_role(role, everything());
    world.grants = {{role, here, logs_view, false}};
    world.open = {"logs"};
    const Access access = world.access();
    EXPECT_EQ(rows_in(access, here, logs_view), Rows::all);
    EXPECT_EQ(rows_in(access, there, logs_view), Rows::all);
    EXPECT_EQ(access.on_organization().rows(logs_view.id), Rows::all);
  }
}

TEST(AccessByGrants, AWorkspaceGivesToTheOrganizationsRolesForItselfOnly) {
  World world = with_organization_role(organization_admin_role, everything());
  world.grants = {{organization_admin_role, {}, logs_view, false},
                  {organization_admin_role, here, logs_view, true}};
  world.open = {"logs"};
  const Access access = world.access();
  EXPECT_EQ(rows_in(access, here, logs_view), Rows::all);
  EXPECT_EQ(rows_in(access, there, logs_view), Rows::none);
  EXPECT_EQ(access.on_organization().rows(logs_view.id), Rows::none);
}

// --- settings: visibility ----------------------------------------------------------------------------------

TEST(AccessByVisibility, IsTheWorkspacesThenTheOrganizationsThenForCustomRolesTheMembers) {
  struct {
    std::optional<bool> workspace, organization, members_workspace, members_organization;
    bool open;
    Rows of_manager, of_custom;
  } constexpr cases[] = {
      {unset, unset, unset, unset, false, Rows::all, Rows::all},
      {unset, no, unset, unset, false, Rows::own, Rows::own},
      {no, unset, unset, unset, true, Rows::own, Rows::own},
      {no, unset, unset, unset, false, Rows::all, Rows::all},
      {yes, no, unset, unset, true, Rows::all, Rows::all},
      {yes, no, unset, unset, false, Rows::own, Rows::own},
      {no, yes, unset, unset, true, Rows::own, Rows::own},
      {unset, unset, unset, no, false, Rows::all, Rows::own},
      {unset, unset, no, unset, true, Rows::all, Rows::own},
      {unset, unset, no, unset, false, Rows::all, Rows::all},
      {unset, unset, yes, no, true, Rows::all, Rows::all},
      {unset, unset, yes, no, false, Rows::all, Rows::own},
      {unset, unset, no, yes, true, Rows::all, Rows::own},
      // A setting of its own wins over the member's, even the organization's over the workspace's.
      {unset, yes, no, no, true, Rows::all, Rows::all},
      {unset, no, yes, yes, true, Rows::own, Rows::own},
      {yes, unset, no, no, true, Rows::all, Rows::all},
  };
  for (const auto &[workspace, organization, members_workspace, members_organization, open, of_manager,
                    of_custom] : cases) {
    for (const Uuid &role : {workspace_manager_role, editor_role}) {
      World world = with_role_here(role, set_of({logs_view}));
      if (workspace) world.switches.push_back({role, here, *workspace});
      if (organization) world.switches.push_back({role, {}, *organization});
      if (members_workspace) world.switches.push_back({workspace_member_role, here, *members_workspace});
      if (members_organization) world.switches.push_back({workspace_member_role, {}, *members_organization});
      if (open) world.open = {"data_visibility"};
      EXPECT_EQ(rows_in(world.access(), here, logs_view), role == editor_role ? of_custom : of_manager)
          << text_of(world);
    }
  }
}

TEST(AccessByVisibility, WorkspaceAdminsAndRolesThatReachEveryWorkspaceAreAboveIt) {
  std::vector<World> worlds = {with_role_here(workspace_admin_role, everything())};
  for (const Uuid &role : {organization_owner_role, organization_admin_role, auditor_role})
    worlds.push_back(with_organization_role(role, everything()));
  for (World &world : worlds) {
    world.open = {"data_visibility"};
    for (const Uuid &role : {world.roles.front().id, workspace_member_role})
      for (const Uuid &where : {here, Uuid{}}) world.switches.push_back({role, where, false});
    const Access access = world.access();
    EXPECT_EQ(access.in_workspace(here), (Rights{everything_in_workspaces(), {}})) << text_of(world);
    EXPECT_TRUE(access.on_organization().own.empty()) << text_of(world);
  }
}

TEST(AccessByVisibility, GoesWithTheRoleThatGrants) {
  World world = with_role_here(workspace_manager_role, set_of({logs_view, analytics_view}));
  world.become(auditor_role, set_of({logs_view, billing_manage}));
  world.switches = {{workspace_manager_role, {}, false}};
  const Access access = world.access();
  EXPECT_EQ(rows_in(access, here, logs_view), Rows::all) << "by the auditor's grant";
  EXPECT_EQ(rows_in(access, here, analytics_view), Rows::own) << "by the manager's grant alone";
  EXPECT_EQ(rows_in(access, there, logs_view), Rows::all);
  EXPECT_EQ(rows_in(access, there, analytics_view), Rows::none);
}

TEST(AccessByVisibility, GovernsObservabilityDataAlone) {
  for (const Uuid &role : {workspace_manager_role, workspace_member_role, editor_role}) {
    World world = with_role_here(role, everything());
    world.become(clerk_role, everything());
    world.switches = {{workspace_member_role, {}, false}};
    if (role != workspace_member_role) world.switches.push_back({role, {}, false});
    const Access access = world.access();
    for (const Permission &permission : permissions) {
      const bool restricted = is_governed(permission);
      EXPECT_EQ(access.on_organization().rows(permission.id), restricted ? Rows::own : Rows::all)
          << permission;
      if (is_of_organization(permission) || permission.resource == "api_keys") continue;
      EXPECT_EQ(rows_in(access, here, permission), restricted ? Rows::own : Rows::all) << permission;
    }
  }
}

TEST(AccessByVisibility, MembersHaveTheirOwnApiKeysOnly) {
  for (const Uuid &role : workspace_roles) {
    World world = with_role_here(role, everything());
    world.switches = {{role, {}, true}};
    const Rows expected = role == workspace_member_role ? Rows::own : Rows::all;
    EXPECT_EQ(rows_in(world.access(), here, api_keys_view), expected) << Named{role};
    EXPECT_EQ(rows_in(world.access(), here, api_keys_create), expected) << Named{role};
    EXPECT_EQ(rows_in(world.access(), here, logs_view), Rows::all) << Named{role};
  }
}

}  // namespace
}  // namespace tenancy::test
