// The reach of permissions, the rows of a principal in each table, and both in every world.
#include "core/access/row_rules.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "for_every_world.hpp"

namespace tenancy::test {
namespace {

// In order of their ids.
constexpr Uuid a = made_up_id(0x10, 4), b = made_up_id(0x20, 3), c = made_up_id(0x90, 2),
               d = made_up_id(0xa0, 1);
// As the catalog may list them.
const std::vector<Uuid> workspaces = {d, a, c, b};

constexpr RowShape by_both{.organization = true, .workspace = true, .owner = true},
    by_both_of_nobody{.organization = true, .workspace = true},
    by_workspace{.workspace = true, .owner = true}, by_workspace_of_nobody{.workspace = true},
    by_organization{.organization = true, .owner = true}, by_organization_of_nobody{.organization = true};

// Sees all logs, also where a workspace would take them from its role, or has another role restricted.
World auditor() {
  World world;
  world.workspaces = workspaces;
  world.become(auditor_role, set_of({logs_view}));
  world.join(b, workspace_member_role, set_of({logs_view}));
  world.switches = {{workspace_member_role, {}, false}};
  world.grants = {{auditor_role, b, logs_view, false}, {auditor_role, c, logs_view, false}};
  world.open = {"logs"};
  return world;
}

// Sees all logs of `d`, own ones of `a`, and nothing else.
World member() {
  World world;
  world.workspaces = workspaces;
  world.become(organization_member_role, set_of({logs_view}));
  world.join(a, workspace_member_role, set_of({logs_view}));
  world.join(b, workspace_manager_role);
  world.join(d, workspace_admin_role, set_of({logs_view}));
  world.switches = {{workspace_member_role, {}, false}};
  return world;
}

World owner() {
  World world;
  world.workspaces = workspaces;
  world.become(organization_owner_role, set_of({logs_view}));
  return world;
}

World with_key(World world, KeyKind kind, const Uuid &workspace) {
  world.key = key_of(kind, workspace, set_of({logs_view, logs_write}));
  return world;
}

RowPredicate ask(const World &world, const RowShape &shape, RowAnswer answer, Command command,
                 const PermissionSet &any_of = set_of({logs_view})) {
  return row_predicate(world.access(), {answer, command, shape, any_of, {}}, identity_of(world));
}
RowPredicate seen(const World &world, const RowShape &shape) {
  return ask(world, shape, RowAnswer::visible, Command::view);
}
RowPredicate left(const World &world, const RowShape &shape, Command command) {
  return ask(world, shape, RowAnswer::accepted, command);
}

RowPredicate in(RowColumn column, std::vector<Uuid> ids) {
  return RowPredicate::one_of(column, std::move(ids));
}
const RowPredicate its_organization = in(RowColumn::organization, {the_organization});
const RowPredicate its_own = in(RowColumn::owner, {the_user});
const RowPredicate no_workspace = RowPredicate::is_null(RowColumn::workspace);
const RowPredicate no_organization = RowPredicate::is_null(RowColumn::organization);
const RowPredicate any_workspace = RowPredicate::none_of(RowColumn::workspace, {});
RowPredicate in_workspaces(std::vector<Uuid> ids) { return in(RowColumn::workspace, std::move(ids)); }

// --- what permissions reach --------------------------------------------------------------------------------

TEST(ReachOf, AMemberIsTheWorkspacesOfTheMember) {
  const Reach reach = reach_of(member().access(), set_of({logs_view}));
  EXPECT_EQ(reach.organization, the_organization);
  EXPECT_EQ(reach.on_organization, Rows::own);
  EXPECT_EQ(reach.all, std::vector{d});
  EXPECT_EQ(reach.own, std::vector{a});
  EXPECT_TRUE(reach.none.empty());
  EXPECT_TRUE(reach.anywhere);
  EXPECT_FALSE(reach.elsewhere);
  EXPECT_FALSE(reach.unassigned);
}

TEST(ReachOf, AnAuditorIsEveryWorkspaceButNoRowsWithoutOne) {
  const Reach reach = reach_of(auditor().access(), set_of({logs_view}));
  EXPECT_TRUE(reach.elsewhere);
  EXPECT_FALSE(reach.unassigned);
  EXPECT_TRUE(reach.all.empty());
  EXPECT_TRUE(reach.own.empty());
}

TEST(ReachOf, AnOwnerIsEverything) {
  const Reach reach = reach_of(owner().access(), set_of({logs_view}));
  EXPECT_TRUE(reach.elsewhere && reach.unassigned && reach.anywhere);
  EXPECT_EQ(reach.on_organization, Rows::all);
}

TEST(ReachOf, SeveralPermissionsIsTheUnionOfTheirReaches) {
  World world = member();
  world.grants = {{workspace_manager_role, {}, logs_list, true}};
  const Reach reach = reach_of(world.access(), set_of({logs_view, logs_list}));
  EXPECT_EQ(reach.all, (std::vector{b, d}));
  EXPECT_EQ(reach.own, std::vector{a});
}

TEST(ReachOf, NothingHeldIsNothing) {
  EXPECT_EQ(reach_of(Access{}, set_of({logs_view})), Reach{});
  EXPECT_FALSE(reach_of(owner().access(), set_of({prompts_view})).anywhere);
}

// --- which rows are seen -----------------------------------------------------------------------------------

TEST(VisibleRows, OfAnOwnerAreTheOrganizations) {
  EXPECT_EQ(seen(owner(), by_both), its_organization);
  EXPECT_EQ(seen(owner(), by_organization), its_organization);
}

TEST(VisibleRows, OfAnOwnerAreThoseOfEachWorkspaceWhereNothingNamesTheOrganization) {
  EXPECT_EQ(seen(owner(), by_workspace), in_workspaces({a, b, c, d}));
}

TEST(VisibleRows, OfAnAuditorNameAWorkspace) {
  EXPECT_EQ(seen(auditor(), by_both), its_organization & any_workspace);
  EXPECT_EQ(seen(auditor(), by_workspace), in_workspaces({a, b, c, d}));
}

TEST(VisibleRows, OfAnAuditorIncludeWorkspacesBeyondTheOrganizationsRights) {
  World world = auditor();
  world.grants = {{auditor_role, {}, logs_view, false}, {auditor_role, c, logs_view, true}};
  for (const RowShape &shape : {by_both, by_workspace})
    EXPECT_EQ(seen(world, shape), in_workspaces({c}) | (in_workspaces({b}) & its_own));
}

TEST(VisibleRows, OfAMemberAreOwnOnesWhereVisibilityIsRestricted) {
  for (const RowShape &shape : {by_both, by_workspace})
    EXPECT_EQ(seen(member(), shape), in_workspaces({d}) | (in_workspaces({a}) & its_own));
  for (const RowShape &shape : {by_both_of_nobody, by_workspace_of_nobody})
    EXPECT_EQ(seen(member(), shape), in_workspaces({d})) << "nothing says whose a row is";
  EXPECT_EQ(seen(member(), by_organization), its_organization & its_own);
  EXPECT_TRUE(seen(member(), by_organization_of_nobody).is_never());
}

TEST(VisibleRows, AreOwnByTheUsersKeysWhereNoColumnNamesTheOwner) {
  RowShape shape = by_both_of_nobody;
  shape.api_key = true;
  EXPECT_EQ(
      seen(member(), shape),
      in_workspaces({d}) | (in_workspaces({a}) & in(RowColumn::api_key, {the_key, second_key_of_user})));
  shape.owner = true;
  EXPECT_EQ(seen(member(), shape), seen(member(), by_both)) << "the owner's column decides";
}

TEST(VisibleRows, NameTheOrganizationTooWhereItMustAgree) {
  RowShape shape = by_both;
  shape.organization_agrees = true;
  EXPECT_EQ(seen(member(), shape), its_organization & seen(member(), by_both));
  EXPECT_EQ(seen(owner(), shape), its_organization);
}

TEST(VisibleRows, OfAWorkspaceKeyAreInItsWorkspace) {
  for (const KeyKind kind : {KeyKind::workspace_service_key, KeyKind::workspace_user_key}) {
    EXPECT_TRUE(seen(with_key(owner(), kind, a), by_organization).is_never());
    EXPECT_EQ(seen(with_key(owner(), kind, a), by_both), in_workspaces({a}));
  }
}

TEST(VisibleRows, SharedAreSeenWithThePermissionAnywhere) {
  RowShape shape = by_both;
  shape.shared = true;
  const RowPredicate nobodys = no_organization & no_workspace;
  EXPECT_EQ(seen(owner(), shape), its_organization | nobodys);
  EXPECT_EQ(seen(member(), shape), seen(member(), by_both) | nobodys);
  EXPECT_EQ(ask(member(), shape, RowAnswer::visible, Command::update), seen(member(), by_both));
  EXPECT_TRUE(ask(member(), shape, RowAnswer::visible, Command::view, set_of({prompts_view})).is_never());
  shape = by_organization;
  shape.shared = true;
  EXPECT_EQ(seen(owner(), shape), its_organization | no_organization);
}

TEST(VisibleRows, WithoutOrganizationAreTheirWorkspacesWhereThatDecides) {
  RowShape shape = by_both;
  shape.workspace_decides = true;
  EXPECT_EQ(seen(owner(), shape), its_organization | (no_organization & in_workspaces({a, b, c, d})));
  EXPECT_EQ(seen(member(), shape), seen(member(), by_both)) << "its workspaces decide anyway";
  shape.organization_agrees = true;
  EXPECT_EQ(seen(member(), shape),
            (its_organization & seen(member(), by_both)) | (no_organization & seen(member(), by_both)));
}

TEST(VisibleRows, OfATableWithoutAttributionAreNotOwn) {
  RowShape shape{.owner = true, .api_key = true};
  EXPECT_TRUE(seen(owner(), shape).is_never());
  shape.shared = true;
  EXPECT_TRUE(seen(owner(), shape).is_never());
}

// --- the full content of rows ------------------------------------------------------------------------------

TEST(VisiblePayload, IsNoConditionWhereAllThatIsListedMayBeViewed) {
  const auto payload = [](const World &world, const PermissionSet &to_list) {
    return row_predicate(world.access(),
                         {RowAnswer::payload, Command::view, by_both, set_of({logs_view}), to_list},
                         identity_of(world));
  };
  EXPECT_EQ(payload(member(), set_of({logs_view, logs_list})), RowPredicate::always());
  World world = member();
  world.grants = {{workspace_manager_role, {}, logs_list, true}};
  EXPECT_EQ(payload(world, set_of({logs_view, logs_list})), seen(member(), by_both));
  world = World{};
  world.workspaces = workspaces;
  world.join(b, workspace_manager_role, set_of({logs_list}));
  EXPECT_TRUE(payload(world, set_of({logs_view, logs_list})).is_never());
}

// --- which rows may be left behind -------------------------------------------------------------------------

TEST(AcceptedRows, OfInsertNameTheirWriter) {
  RowShape shape = by_both;
  shape.api_key = true;
  const RowPredicate no_key = RowPredicate::is_null(RowColumn::api_key),
                     no_owner = RowPredicate::is_null(RowColumn::owner);
  EXPECT_EQ(left(member(), shape, Command::insert),
            its_organization & in_workspaces({a, d}) & its_own & no_key)
      << "own and all make no difference";
  EXPECT_EQ(left(with_key(member(), KeyKind::workspace_user_key, a), shape, Command::insert),
            its_organization & in_workspaces({a}) & its_own & in(RowColumn::api_key, {the_key}));
  EXPECT_EQ(left(with_key(member(), KeyKind::workspace_service_key, a), shape, Command::insert),
            its_organization & in_workspaces({a}) & no_owner & in(RowColumn::api_key, {the_key}));
  EXPECT_EQ(left(member(), by_organization, Command::insert), its_organization & its_own);
  EXPECT_EQ(left(member(), by_workspace_of_nobody, Command::insert), in_workspaces({a, d}))
      << "rights over own rows are enough to write one, even where nothing will say whose it is";
}

TEST(AcceptedRows, OfInsertBelowAParentAreAsThoseOfUpdate) {
  RowShape shape = by_both;
  shape.from_parent = true;
  EXPECT_EQ(left(member(), shape, Command::insert), left(member(), by_both, Command::update));
}

TEST(AcceptedRows, OfUpdateStayInOrganizationAndReach) {
  EXPECT_EQ(left(member(), by_both, Command::update), its_organization & seen(member(), by_both));
  EXPECT_EQ(left(member(), by_workspace, Command::update), seen(member(), by_workspace));
  EXPECT_EQ(left(member(), by_organization, Command::update), its_organization & its_own);
  EXPECT_TRUE(left(member(), by_organization_of_nobody, Command::update).is_never());
}

TEST(AcceptedRows, OfPrincipalsWithEveryWorkspaceNameOne) {
  EXPECT_EQ(left(owner(), by_both, Command::update),
            its_organization & (in_workspaces({a, b, c, d}) | no_workspace));
  EXPECT_EQ(left(auditor(), by_both, Command::update), its_organization & in_workspaces({a, b, c, d}));
  EXPECT_EQ(left(owner(), by_workspace, Command::update), in_workspaces({a, b, c, d}));
}

TEST(AcceptedRows, MayLackTheOrganizationWhereTheWorkspaceDecides) {
  RowShape shape = by_both;
  shape.workspace_decides = true;
  EXPECT_EQ(left(member(), shape, Command::update),
            (its_organization & seen(member(), by_both)) | (no_organization & seen(member(), by_both)));
  EXPECT_EQ(left(member(), shape, Command::insert), left(member(), by_both, Command::insert));
  shape.from_parent = true;
  EXPECT_EQ(left(member(), shape, Command::insert), left(member(), shape, Command::update));
}

TEST(AuthorizedWorkspaces, AreThoseOfOwnAndOfAllRows) {
  EXPECT_EQ(authorized_workspaces(member().access(), set_of({logs_view}), {}), in_workspaces({a, d}));
  EXPECT_EQ(authorized_workspaces(owner().access(), set_of({logs_view}), workspaces),
            in_workspaces({a, b, c, d}));
  EXPECT_TRUE(authorized_workspaces(owner().access(), set_of({prompts_view}), workspaces).is_never());
}

// --- what has to be read -----------------------------------------------------------------------------------

TEST(IdentityNeeded, DependsOnTheShape) {
  const auto needed = [](const World &world, RowAnswer answer, Command command, const RowShape &shape) {
    return identity_needed(world.access(), {answer, command, shape, set_of({logs_view}), {}});
  };
  const RowShape by_key{.organization = true, .workspace = true, .api_key = true};
  EXPECT_EQ(needed(owner(), RowAnswer::visible, Command::view, by_key), RowIdentityParts{});
  EXPECT_EQ(needed(owner(), RowAnswer::visible, Command::view, by_workspace),
            RowIdentityParts{.workspaces = true});
  EXPECT_EQ(needed(owner(), RowAnswer::accepted, Command::update, by_both),
            RowIdentityParts{.workspaces = true});
  EXPECT_EQ(needed(member(), RowAnswer::visible, Command::view, by_both), RowIdentityParts{.user = true});
  EXPECT_EQ(needed(member(), RowAnswer::visible, Command::view, by_key), RowIdentityParts{.user_keys = true});
  EXPECT_EQ(needed(member(), RowAnswer::accepted, Command::insert, by_key),
            RowIdentityParts{.api_key = true});
}

// --- in every world ----------------------------------------------------------------------------------------

TEST(RowsInEveryWorld, EqualTheModel) { holds_for_rows_in_every_world(rows_are_what_the_model_says); }

TEST(RowsInEveryWorld, ShowTheirPayloadWithThePermissionToView) {
  holds_for_rows_in_every_world(payload_is_what_may_be_viewed);
}

TEST(RowsInEveryWorld, ComeFromPredicatesInNormalForm) {
  holds_for_rows_in_every_world(predicates_are_in_normal_form);
}

TEST(RowsInEveryWorld, AreTheSameWithTheNeededPartsOfTheIdentity) {
  holds_for_rows_in_every_world(what_is_not_needed_is_not_used);
}

TEST(RowsInEveryWorld, OfANarrowedPrincipalAreFewer) {
  holds_for_rows_in_every_world(narrowing_takes_rows_away_only);
}

}  // namespace
}  // namespace tenancy::test
