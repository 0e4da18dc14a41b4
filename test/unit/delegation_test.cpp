// Delegation, one rule at a time, and then in every world.
#include "core/access/delegation.hpp"

#include <gtest/gtest.h>

#include "for_every_world.hpp"

namespace tenancy::test {
namespace {

constexpr Uuid here = made_up_id(0x20, 1), there = made_up_id(0x10, 2);

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

Shortfall for_user_key(const Access &maker, const World &of, const PermissionSet &scopes,
                       KeyFor whom = KeyFor::somebody_else) {
  return of.with_facts([&](const UserFacts &facts) {
    return shortfall_of_key(maker, key_of(KeyKind::workspace_user_key, here, scopes), whom, &facts);
  });
}

TEST(Delegation, NeedsAsManyRows) {
  World maker = with_role_here(workspace_manager_role, set_of({logs_view, prompts_view}));
  const World given = with_role_here(editor_role, set_of({logs_view}));
  EXPECT_FALSE(shortfall(maker.access(), given.access()).any());
  EXPECT_FALSE(shortfall(maker.access(), maker.access()).any());
  maker.switches = {{workspace_manager_role, {}, false}};
  EXPECT_EQ(shortfall(maker.access(), given.access()).permissions, set_of({logs_view}));
  EXPECT_FALSE(shortfall(maker.access(), maker.access()).any()) << "own rows are those of whoever gets it";
}

TEST(Delegation, OfAnIdentityNeedsAllRowsOfWhatItsUserHas) {
  const World user = with_role_here(editor_role, set_of({logs_view}));
  World maker = with_organization_role(organization_admin_role, set_of({logs_view, prompts_view}));
  EXPECT_FALSE(shortfall_of_identity(maker.access(), user.access(), set_of({prompts_view})).any());
  EXPECT_EQ(shortfall_of_identity(maker.access(), user.access(), set_of({billing_manage})).permissions,
            set_of({billing_manage}))
      << "the permission to link";
  World restricted = with_role_here(editor_role, set_of({logs_view}));
  restricted.switches = {{editor_role, {}, false}};
  EXPECT_FALSE(shortfall(restricted.access(), restricted.access()).any());
  EXPECT_EQ(shortfall_of_identity(restricted.access(), restricted.access(), {}).permissions,
            set_of({logs_view}))
      << "the user's own rows are not its own";
}

TEST(Delegation, OfAPermissionEverywhereNeedsItInEachWorkspace) {
  World owner = with_organization_role(organization_owner_role, set_of({logs_view, billing_manage}));
  const auto everywhere = [](const Permission &permission) {
    return Access::of_grant(the_organization, {false, true, {}}, set_of({permission}), classes);
  };
  EXPECT_FALSE(shortfall(owner.access(), everywhere(logs_view)).any());
  EXPECT_FALSE(shortfall(owner.access(), everywhere(billing_manage)).any());
  EXPECT_TRUE(shortfall(owner.access(), everywhere(prompts_view)).any());
  // In each workspace that there is, but not in those to come.
  World member = with_role_here(workspace_admin_role, set_of({logs_view}));
  member.join(there, workspace_admin_role);
  member.become(clerk_role, set_of({logs_view}));
  EXPECT_TRUE(shortfall(member.access(), everywhere(logs_view)).reach);
}

TEST(Delegation, OfAGrantNeedsItWhereTheRoleHasIt) {
  const auto lacking = [](const World &maker, const Uuid &role, Level level, const Uuid &workspace) {
    const Grantee grantee = grantee_of_role({role, reaches_all_workspaces(role), {}}, level, workspace);
    return shortfall(maker.access(),
                     Access::of_grant(the_organization, grantee, set_of({logs_view}), classes))
        .any();
  };
  const World admin = with_organization_role(organization_admin_role, set_of({logs_view}));
  const World auditor = with_organization_role(auditor_role, set_of({logs_view}));
  const World clerk = with_organization_role(clerk_role, set_of({logs_view}));
  const World manager = with_role_here(workspace_manager_role, set_of({logs_view}));
  EXPECT_FALSE(lacking(admin, organization_admin_role, Level::organization, {}));
  EXPECT_TRUE(lacking(auditor, organization_admin_role, Level::organization, {}))
      << "rows without a workspace";
  EXPECT_FALSE(lacking(auditor, auditor_role, Level::organization, {}));
  EXPECT_FALSE(lacking(auditor, workspace_member_role, Level::workspace, {}));
  EXPECT_FALSE(lacking(clerk, clerk_role, Level::organization, {}));
  EXPECT_TRUE(lacking(clerk, auditor_role, Level::organization, {}));
  EXPECT_TRUE(lacking(clerk, workspace_member_role, Level::workspace, {}));
  EXPECT_TRUE(lacking(manager, workspace_member_role, Level::workspace, {}));
  EXPECT_FALSE(lacking(manager, workspace_member_role, Level::workspace, here));
  EXPECT_TRUE(lacking(manager, workspace_member_role, Level::workspace, there));
}

TEST(Delegation, OfRightsAboveSettingsNeedsSuchRights) {
  const PermissionSet rights = set_of({logs_view, prompts_view});
  const Access given = with_role_here(workspace_admin_role, rights).access();
  EXPECT_FALSE(shortfall(with_role_here(workspace_admin_role, rights).access(), given).any());
  EXPECT_FALSE(shortfall(with_organization_role(organization_admin_role, rights).access(), given).any());
  for (const World &other :
       {with_role_here(workspace_manager_role, rights), with_organization_role(auditor_role, rights)})
    EXPECT_TRUE(shortfall(other.access(), given).standing) << text_of(other);
  // A manager could make this key, and must not become admin by it.
  World key;
  key.key = key_of(KeyKind::workspace_service_key, here, rights);
  EXPECT_TRUE(shortfall(key.access(), given).standing);
  key.key = key_of(KeyKind::organization_service_key, {}, rights);
  EXPECT_FALSE(shortfall(key.access(), given).any());
}

TEST(Delegation, OfBeingAboveSettingsIncludesWhatIsOffByDefault) {
  World key;
  key.key = key_of(KeyKind::organization_service_key, {}, set_of({logs_view}));
  const PermissionSet both = set_of({logs_view, prompts_view}), off = set_of({prompts_view});
  const auto lacking = [&](const World &maker, const Access &given) {
    return shortfall(maker.access(), given, off).any();
  };
  EXPECT_FALSE(lacking(key, with_organization_role(organization_owner_role, both).access()));
  EXPECT_FALSE(lacking(key, with_role_here(workspace_admin_role, both).access()));
  EXPECT_TRUE(lacking(key, with_organization_role(auditor_role, both).access()));
  EXPECT_TRUE(lacking(key, with_role_here(workspace_manager_role, both).access()));
  EXPECT_TRUE(lacking(with_organization_role(auditor_role, set_of({logs_view})),
                      with_organization_role(organization_admin_role, both).access()));
  World admin_here = with_role_here(workspace_admin_role, set_of({logs_view}));
  EXPECT_FALSE(lacking(admin_here, with_role_here(workspace_admin_role, both).access()));
  admin_here.join(there, workspace_manager_role);
  World admin_there = with_role_here(workspace_manager_role, set_of({logs_view}));
  admin_there.join(there, workspace_admin_role);
  EXPECT_TRUE(lacking(admin_there, with_role_here(workspace_admin_role, both).access()));
  EXPECT_TRUE(shortfall(key.access(), with_organization_role(organization_owner_role, both).access()).any())
      << "a key's scopes are none that come with a role";
}

TEST(Delegation, OfAnOrganizationsKeyNeedsAllThatItReaches) {
  const auto lacking = [](const World &maker) {
    return shortfall_of_key(maker.access(),
                            key_of(KeyKind::organization_service_key, {}, set_of({logs_view, logs_write})),
                            KeyFor::nobody, nullptr);
  };
  EXPECT_FALSE(lacking(with_organization_role(organization_owner_role, set_of({logs_view}))).any());
  EXPECT_TRUE(lacking(with_organization_role(organization_owner_role, {})).any());
  // On the organization's level, but in no workspace; in every workspace, but not in rows of none.
  EXPECT_TRUE(lacking(with_organization_role(clerk_role, set_of({logs_view}))).any());
  EXPECT_TRUE(lacking(with_organization_role(auditor_role, set_of({logs_view}))).any());
}

TEST(Delegation, OfAnotherUsersKeyNeedsAllRightsOfThatUser) {
  const PermissionSet scope = set_of({logs_view});
  const Access manager = with_role_here(workspace_manager_role, set_of({logs_view, prompts_view})).access();
  EXPECT_FALSE(for_user_key(manager, with_role_here(workspace_member_role, scope), scope).any());
  // For any scopes of the key: they can be changed, and the key is that user's.
  EXPECT_EQ(for_user_key(manager, with_role_here(workspace_member_role, set_of({prompts_update})), scope)
                .permissions,
            set_of({prompts_update}));
  EXPECT_TRUE(for_user_key(manager, with_role_here(workspace_admin_role, scope), scope).standing);
  EXPECT_TRUE(for_user_key(manager, with_organization_role(organization_owner_role, scope), scope).standing);
}

TEST(Delegation, OfAnotherUsersKeyNeedsAllRows) {
  World maker = with_role_here(workspace_manager_role, set_of({logs_view, prompts_view}));
  maker.switches = {{workspace_manager_role, {}, false}, {workspace_member_role, {}, false}};
  World member = with_role_here(workspace_member_role, set_of({logs_view}));
  member.switches = maker.switches;
  EXPECT_EQ(for_user_key(maker.access(), member, set_of({logs_view})).permissions, set_of({logs_view}));
  EXPECT_FALSE(for_user_key(maker.access(), maker, set_of({logs_view}), KeyFor::maker).any());
}

TEST(Delegation, OfAnyKeyLeavesOutPermissionsByScopeAlone) {
  const World maker = with_role_here(workspace_manager_role, set_of({prompts_view}));
  const PermissionSet scopes = set_of({prompts_view, logs_write, completions_write});
  EXPECT_FALSE(for_user_key(maker.access(), maker, scopes, KeyFor::maker).any());
  EXPECT_FALSE(shortfall_of_key(maker.access(), key_of(KeyKind::workspace_service_key, here, scopes),
                                KeyFor::nobody, nullptr)
                   .any());
  EXPECT_TRUE(shortfall_of_key(maker.access(), key_of(KeyKind::workspace_service_key, there, scopes),
                               KeyFor::nobody, nullptr)
                  .any());
}

TEST(Delegation, OfAnInvitationNeedsTheRoleAndTheMakingOfMembersThere) {
  const PermissionSet making = set_of({configs_create, prompts_update});
  PermissionSet both = making;
  both |= set_of({logs_view});
  const World offered = with_role_here(workspace_member_role, set_of({logs_view}));
  const Access able = with_role_here(workspace_manager_role, both).access();
  EXPECT_FALSE(shortfall_of_invitation(able, offered.access(), making, here).any());
  EXPECT_EQ(shortfall_of_invitation(able, offered.access(), making, there).permissions, making);
  EXPECT_EQ(shortfall_of_invitation(able, offered.access(), making, {}).permissions, making);
  EXPECT_EQ(shortfall_of_invitation(with_role_here(workspace_manager_role, making).access(), offered.access(),
                                    making, here)
                .permissions,
            set_of({logs_view}));
  // Nobody, as whoever has left is
  EXPECT_TRUE(shortfall_of_invitation(Access{}, offered.access(), making, here).any());
  EXPECT_TRUE(shortfall_of_invitation(Access{}, World{}.access(), making, {}).any());
}

TEST(Delegation, NeverLeavesTheOrganization) {
  UserFacts user;
  user.organization = made_up_id(0x0b, 1);
  const World owner = with_organization_role(organization_owner_role, set_of({logs_view}));
  EXPECT_TRUE(shortfall(owner.access(), Access::of_user(user)).any());
  KeyFacts key = key_of(KeyKind::workspace_service_key, here, {});
  key.organization = user.organization;
  EXPECT_TRUE(shortfall_of_key(owner.access(), key, KeyFor::nobody, nullptr).any());
}

TEST(DelegationInEveryWorld, IsHavingAsMuchEverywhere) {
  holds_in_every_world(handing_out_is_having_as_much_everywhere);
}

TEST(DelegationInEveryWorld, OfAKeyGivesItsMakerNothing) {
  holds_in_every_world(keys_give_their_makers_nothing);
}

}  // namespace
}  // namespace tenancy::test
