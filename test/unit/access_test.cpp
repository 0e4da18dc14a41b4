// The rules one by one, and then all of them together in every world.
#include "core/access/access.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "for_every_world.hpp"

namespace tenancy::test {
namespace {

constexpr Uuid here = made_up_id(0x20, 1), there = made_up_id(0x10, 2);
constexpr std::optional<bool> unset, yes = true, no = false;

PermissionSet everything() {
  PermissionSet set;
  for (const Permission &permission : permissions) set.add(permission.id);
  return set;
}

// The part of everything() that counts in a workspace and for its rows.
PermissionSet everything_in_workspaces() {
  PermissionSet set = everything();
  set -= classes.organization_level;
  return set;
}

bool is_of_organization(const Permission &permission) {
  return classes.organization_level.contains(permission.id);
}

Rows rows_in(const Access &access, const Uuid &workspace, const Permission &permission) {
  return access.in_workspace(workspace).rows(permission.id);
}

// A user who has one role in the workspace `here` and none in the organization.
World with_role_here(const Uuid &role, const PermissionSet &born_with) {
  World world;
  world.workspaces = {here, there};
  world.join(here, role, born_with);
  return world;
}

World with_organization_role(const Uuid &role, const PermissionSet &born_with) {
  World world;
  world.workspaces = {here, there};
  world.become(role, born_with);
  return world;
}

// The organization and the workspace `here` deny a role everything, and every category is open.
void deny_everything(World &world, const Uuid &role) {
  for (const Permission &permission : permissions) {
    world.grants.push_back({role, {}, permission, false});
    world.grants.push_back({role, here, permission, false});
  }
  world.open = {"data_visibility", "logs", "analytics", "api_keys", "prompts", "guardrails", "integrations"};
}

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

// --- the organization's level ------------------------------------------------------------------------------

TEST(AccessOfOrganizationRoles, ReachEveryWorkspaceOrNone) {
  for (const Uuid &role : organization_roles) {
    const Access access = with_organization_role(role, set_of({logs_view})).access();
    EXPECT_EQ(access.reaches_every_workspace(), reaches_all_workspaces(role)) << Named{role};
    EXPECT_EQ(rows_in(access, here, logs_view), reaches_all_workspaces(role) ? Rows::all : Rows::none)
        << Named{role};
  }
}

TEST(AccessOfOrganizationRoles, WithoutReachAddNothingToAWorkspaceRole) {
  for (const Uuid &role : {organization_member_role, clerk_role}) {
    World world = with_role_here(workspace_member_role, set_of({logs_view}));
    world.become(role, everything());
    world.grants = {{workspace_member_role, {}, logs_view, false}};
    EXPECT_TRUE(world.access().in_workspace(here).empty()) << Named{role};
  }
}

TEST(AccessOfOrganizationRoles, SeeOwnRowsOnTheOrganizationsLevelWhereMembersDo) {
  for (const Uuid &role : organization_roles) {
    World world = with_organization_role(role, set_of({logs_view}));
    world.switches = {{workspace_member_role, {}, false}};
    EXPECT_EQ(world.access().on_organization().rows(logs_view.id),
              reaches_all_workspaces(role) ? Rows::all : Rows::own)
        << Named{role};
    // A workspace's row does not affect this level, nor does a switch for the role itself.
    world.open = {"data_visibility"};
    world.switches = {{workspace_member_role, here, false}, {role, {}, false}};
    EXPECT_EQ(world.access().on_organization().rows(logs_view.id), Rows::all) << Named{role};
  }
}

TEST(AccessOfOrganizationRoles, OwnersAndAdminsAloneHaveTheRowsWithoutAWorkspace) {
  for (const Uuid &role : organization_roles) {
    const Access access = with_organization_role(role, set_of({logs_view})).access();
    const bool has_them = role == organization_owner_role || role == organization_admin_role;
    EXPECT_EQ(access.on_unassigned().rows(logs_view.id), has_them ? Rows::all : Rows::none) << Named{role};
  }
}

TEST(AccessOfOrganizationRoles, WorkspaceRolesCountForNothingOnTheOrganizationsLevel) {
  for (const Uuid &role : workspace_roles) {
    const Access access = with_role_here(role, everything()).access();
    EXPECT_TRUE(access.on_organization().empty()) << Named{role};
    EXPECT_TRUE(access.on_unassigned().empty()) << Named{role};
    EXPECT_TRUE(access.in_workspace(there).empty()) << Named{role};
    EXPECT_FALSE(access.reaches_every_workspace()) << Named{role};
  }
}

TEST(AccessOfOrganizationRoles, OrganizationLevelResourcesCountInNoWorkspace) {
  for (const Uuid &role : {organization_owner_role, auditor_role}) {
    World world = with_organization_role(role, everything());
    world.join(here, workspace_admin_role, everything());
    const Access access = world.access();
    EXPECT_EQ(access.on_organization_itself(), (Rights{classes.organization_level, {}}));
    for (const Permission &permission : {billing_manage, audit_logs_list}) {
      EXPECT_EQ(access.on_organization().rows(permission.id), Rows::all);
      EXPECT_EQ(access.on_unassigned().rows(permission.id), Rows::none);
      EXPECT_EQ(rows_in(access, here, permission), Rows::none);
      EXPECT_EQ(rows_in(access, there, permission), Rows::none);
      EXPECT_EQ(access.authorized(set_of({permission}), here), Rows::all) << "it is held on the organization";
    }
  }
  // Nor is it a workspace's or its keys' to hold, whatever their grants and scopes.
  World key;
  key.key = key_of(KeyKind::workspace_service_key, here, everything());
  for (const World &world : {with_role_here(workspace_admin_role, everything()), key})
    EXPECT_EQ(world.access().anywhere(classes.organization_level), Rows::none) << text_of(world);
}

// --- keys --------------------------------------------------------------------------------------------------

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

// --- what can be asked -------------------------------------------------------------------------------------

TEST(Access, OfAnonymousSessionsIsEmpty) {
  const Access nobody;
  EXPECT_TRUE(nobody.on_organization().empty());
  EXPECT_TRUE(nobody.on_unassigned().empty());
  EXPECT_TRUE(nobody.in_workspace(here).empty());
  EXPECT_FALSE(nobody.reaches_every_workspace());
  EXPECT_EQ(nobody.anywhere(PermissionSet::of_all()), Rows::none);
  EXPECT_TRUE(nobody.narrowed_to(here).in_workspace(here).empty());
}

TEST(Access, NarrowedToAWorkspaceHasNothingElse) {
  World world = with_organization_role(organization_owner_role, everything());
  world.narrowed_to = here;
  const Access access = world.access();
  EXPECT_EQ(access.organization(), the_organization);
  EXPECT_EQ(access.in_workspace(here), (Rights{everything_in_workspaces(), {}}));
  EXPECT_TRUE(access.in_workspace(there).empty());
  EXPECT_TRUE(access.on_organization().empty());
  EXPECT_TRUE(access.on_unassigned().empty());
  EXPECT_FALSE(access.reaches_every_workspace());
  EXPECT_EQ(access.entries().size(), 1U);
}

TEST(Access, GivesTheMostOfSeveralPermissions) {
  const Rights rights{set_of({logs_list}), set_of({logs_view})};
  EXPECT_EQ(rights.rows(set_of({logs_view, logs_list})), Rows::all);
  EXPECT_EQ(rights.rows(set_of({logs_view, prompts_view})), Rows::own);
  EXPECT_EQ(rights.rows(set_of({prompts_view})), Rows::none);
  EXPECT_EQ(rights.rows(PermissionSet{}), Rows::none);
}

// --- all rules together ------------------------------------------------------------------------------------

TEST(AccessInEveryWorld, EqualsTheModel) { holds_in_every_world(rights_are_what_the_model_says); }

TEST(AccessInEveryWorld, IsWellFormed) { holds_in_every_world(rights_are_well_formed); }

TEST(AccessInEveryWorld, IsSomewhereIfAnywhere) { holds_in_every_world(anywhere_is_the_most_of_all_places); }

TEST(AccessInEveryWorld, OfAKeyStaysWithinItsScopesAndItsUser) {
  holds_in_every_world(a_key_stays_within_its_scopes_and_its_user);
}

TEST(AccessInEveryWorld, NarrowedKeepsOneWorkspaceAndNothingElse) {
  holds_in_every_world(narrowing_takes_away_all_but_one_workspace);
}

TEST(AccessInEveryWorld, IsTheSameForOnePermissionAndForAll) {
  holds_in_every_world(one_permission_is_as_all_of_them);
}

TEST(AccessInEveryWorld, DoesNotDependOnTheOrderOfFacts) {
  holds_in_every_world(the_order_of_facts_does_not_matter);
}

}  // namespace
}  // namespace tenancy::test
