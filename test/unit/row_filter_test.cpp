// What a filter says of a row, which filter a principal gets on which table, and all of it in every world.
#include "core/access/row_filter.hpp"

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

constexpr RowShape by_both{true, true, true}, by_both_of_nobody{true, true, false},
    by_workspace{false, true, true}, by_workspace_of_nobody{false, true, false},
    by_organization{true, false, true}, by_organization_of_nobody{true, false, false};

RowFilter filter_of(const Access &access, const RowShape &shape,
                    EveryWorkspace every = EveryWorkspace::as_such) {
  return row_filter(access, set_of({logs_view}), shape, every, workspaces);
}

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

// --- what a filter says ------------------------------------------------------------------------------------

TEST(RowFilter, ThatIsEmptyReachesNothing) {
  const RowFilter nothing;
  EXPECT_TRUE(nothing.empty());
  EXPECT_FALSE(nothing.needs_own());
  EXPECT_FALSE(nothing.reaches({}, true));
  EXPECT_FALSE(nothing.reaches(a, true));
}

TEST(RowFilter, ReachesTheWorkspacesItLists) {
  RowFilter filter;
  filter.all = {a, c};
  filter.own = {b};
  EXPECT_TRUE(filter.reaches(a, false));
  EXPECT_TRUE(filter.reaches(c, true));
  EXPECT_FALSE(filter.reaches(b, false));
  EXPECT_TRUE(filter.reaches(b, true));
  EXPECT_FALSE(filter.reaches(d, true));
  EXPECT_FALSE(filter.reaches({}, true));
  EXPECT_FALSE(filter.empty());
  EXPECT_TRUE(filter.needs_own());
}

TEST(RowFilter, ReachesEveryWorkspaceButTheExceptions) {
  RowFilter filter;
  filter.every_workspace = true;
  filter.own = {b};
  filter.hidden = {a, c};
  EXPECT_TRUE(filter.reaches(d, false));
  EXPECT_FALSE(filter.reaches(a, true));
  EXPECT_FALSE(filter.reaches(c, true));
  EXPECT_FALSE(filter.reaches(b, false));
  EXPECT_TRUE(filter.reaches(b, true));
  EXPECT_FALSE(filter.reaches({}, true)) << "rows without a workspace are another matter";
  EXPECT_FALSE(filter.empty());
}

TEST(RowFilter, ReachesRowsWithoutAWorkspaceWhoeverseTheyAre) {
  RowFilter filter;
  filter.unassigned = true;
  EXPECT_TRUE(filter.reaches({}, false));
  EXPECT_TRUE(filter.reaches({}, true));
  EXPECT_FALSE(filter.reaches(a, true));
  EXPECT_FALSE(filter.empty());
  EXPECT_FALSE(filter.needs_own());
}

// --- which filter it is ------------------------------------------------------------------------------------

TEST(RowFilterOf, AnOwnerIsTheOrganizationAsSuch) {
  RowFilter expected;
  expected.every_workspace = true;
  expected.unassigned = true;
  EXPECT_EQ(filter_of(owner().access(), by_both), expected);
}

TEST(RowFilterOf, AnOwnerIsEachWorkspaceWhereThatHasToBeSpelledOut) {
  RowFilter expected;
  expected.all = {a, b, c, d};
  EXPECT_EQ(filter_of(owner().access(), by_workspace), expected)
      << "no organization column, no rows without both";
  expected.unassigned = true;
  EXPECT_EQ(filter_of(owner().access(), by_both, EveryWorkspace::spelled_out), expected);
}

TEST(RowFilterOf, AnAuditorIsEveryWorkspace) {
  RowFilter expected;
  expected.every_workspace = true;
  EXPECT_EQ(filter_of(auditor().access(), by_both), expected);
  EXPECT_EQ(filter_of(auditor().access(), by_both_of_nobody), expected);
}

TEST(RowFilterOf, AnAuditorIsEachWorkspaceWhereTheyAreSpelledOut) {
  RowFilter expected;
  expected.all = {a, b, c, d};
  EXPECT_EQ(filter_of(auditor().access(), by_workspace), expected);
  EXPECT_EQ(filter_of(auditor().access(), by_both, EveryWorkspace::spelled_out), expected);
}

TEST(RowFilterOf, AnAuditorIsTheWorkspacesThatGiveWhatTheOrganizationDoesnt) {
  World world = auditor();
  world.grants = {{auditor_role, {}, logs_view, false}, {auditor_role, c, logs_view, true}};
  RowFilter expected;
  expected.all = {c};
  expected.own = {b};
  for (const EveryWorkspace every : both_ways)
    for (const RowShape &shape : {by_both, by_workspace})
      EXPECT_EQ(filter_of(world.access(), shape, every), expected);
}

TEST(RowFilterOf, AMemberIsTheWorkspacesOfTheMember) {
  RowFilter expected;
  expected.all = {d};
  expected.own = {a};
  for (const EveryWorkspace every : both_ways)
    for (const RowShape &shape : {by_both, by_workspace})
      EXPECT_EQ(filter_of(member().access(), shape, every), expected);
  expected.own = {};
  EXPECT_EQ(filter_of(member().access(), by_workspace_of_nobody), expected);
}

TEST(RowFilterOf, ATableWithoutWorkspacesIsDecidedByTheOrganizationsLevel) {
  RowFilter expected;
  expected.on_organization = Rows::all;
  EXPECT_EQ(filter_of(owner().access(), by_organization), expected);
  EXPECT_EQ(filter_of(auditor().access(), by_organization), expected);
  EXPECT_FALSE(expected.needs_own());
  expected.on_organization = Rows::own;
  EXPECT_EQ(filter_of(member().access(), by_organization), expected);
  EXPECT_TRUE(expected.needs_own());
  EXPECT_EQ(filter_of(member().access(), by_organization_of_nobody), RowFilter{});
}

TEST(RowFilterOf, AWorkspaceKeyIsNothingInATableWithoutWorkspaces) {
  World world = owner();
  for (const KeyKind kind : {KeyKind::workspace_service_key, KeyKind::workspace_user_key}) {
    world.key = key_of(kind, a, set_of({logs_view}));
    EXPECT_TRUE(filter_of(world.access(), by_organization).empty());
    EXPECT_EQ(filter_of(world.access(), by_both).all, std::vector{a});
    EXPECT_FALSE(filter_of(world.access(), by_both).unassigned);
  }
}

TEST(RowFilterOf, WhoHoldsNothingIsEmpty) {
  for (const RowShape &shape : shapes)
    for (const EveryWorkspace every : both_ways) {
      EXPECT_TRUE(filter_of(Access{}, shape, every).empty());
      EXPECT_TRUE(row_filter(owner().access(), set_of({prompts_view}), shape, every, workspaces).empty());
    }
}

TEST(RowFilterOf, SeveralPermissionsIsWhatAnyOfThemReaches) {
  World world = member();
  world.grants = {{workspace_manager_role, {}, logs_list, true}};
  RowFilter expected;
  expected.all = {b, d};
  expected.own = {a};
  EXPECT_EQ(row_filter(world.access(), set_of({logs_view, logs_list}), by_both, EveryWorkspace::as_such, {}),
            expected);
}

// --- in every world ----------------------------------------------------------------------------------------

TEST(RowFilterInEveryWorld, ReachesWhatTheModelSays) {
  holds_in_every_world(filters_reach_what_the_model_says);
}

TEST(RowFilterInEveryWorld, IsInNormalForm) { holds_in_every_world(filters_are_in_normal_form); }

TEST(RowFilterInEveryWorld, OfANarrowedPrincipalReachesNoMore) {
  holds_in_every_world(narrowing_takes_rows_away_only);
}

}  // namespace
}  // namespace tenancy::test
