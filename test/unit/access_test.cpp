// Rights by roles of the organization, questions about rights, and all rules together in every world.
#include "core/access/access.hpp"

#include <gtest/gtest.h>

#include "access_worlds.hpp"
#include "for_every_world.hpp"

namespace tenancy::test {
namespace {

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
