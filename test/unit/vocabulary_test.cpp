#include "core/access/vocabulary.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <string_view>

namespace tenancy {
namespace {

using namespace std::string_view_literals;

constexpr std::array category_names = {"data_visibility"sv, "logs"sv,       "analytics"sv,    "api_keys"sv,
                                       "prompts"sv,         "guardrails"sv, "integrations"sv, "resources"sv};
// Stands for any custom role: overrides do not distinguish them.
constexpr Uuid custom_role{{1, 2, 3}};

CategorySet open_to(std::string_view category) {
  CategorySet open;
  open.add(*category_named(category));
  return open;
}

// Every resource of the access model, and one that it doesn't know.
constexpr std::array resources = {
    "logs"sv,         "traces"sv,       "analytics"sv,  "completions"sv, "prompts"sv, "configs"sv,
    "guardrails"sv,   "integrations"sv, "providers"sv,  "models"sv,      "team"sv,    "api_keys"sv,
    "organization"sv, "billing"sv,      "audit_logs"sv, "workspaces"sv,  "invoices"sv};
constexpr std::array actions = {"list"sv,      "view"sv,   "filter"sv, "group"sv,  "export"sv, "write"sv,
                                "create"sv,    "update"sv, "edit"sv,   "delete"sv, "rotate"sv, "publish"sv,
                                "duplicate"sv, "copy"sv,   "manage"sv, ""sv};

// The resources, or with actions the permissions, of which a rule is true.
template <typename Rule>
std::set<std::string> resources_where(Rule rule) {
  std::set<std::string> found;
  for (const std::string_view resource : resources)
    if (rule(resource)) found.emplace(resource);
  return found;
}
template <typename Rule>
std::set<std::string> permissions_where(Rule rule) {
  std::set<std::string> found;
  for (const std::string_view resource : resources)
    for (const std::string_view action : actions)
      if (rule(resource, action)) found.insert(std::string(resource) + '.' + std::string(action));
  return found;
}
using Names = std::set<std::string>;

TEST(Categories, AreThoseOfTheSettings) {
  std::set<Category> categories;
  for (const std::string_view name : category_names) {
    ASSERT_TRUE(category_named(name)) << name;
    categories.insert(*category_named(name));
  }
  EXPECT_EQ(categories.size(), category_names.size());
  for (const std::string_view name :
       {""sv, "traces"sv, "configs"sv, "Logs"sv, "logs "sv, "log"sv, "logs\0"sv})
    EXPECT_FALSE(category_named(name)) << name;
}

TEST(Categories, AreOpenedOneByOne) {
  for (const std::string_view one : category_names)
    for (const std::string_view other : category_names)
      EXPECT_EQ(open_to(one).contains(*category_named(other)), one == other) << one << ' ' << other;
}

constexpr std::array roles_of_the_organization = {organization_owner_role, organization_admin_role,
                                                  organization_member_role, custom_role};
constexpr std::array roles_of_workspaces = {workspace_admin_role, workspace_manager_role,
                                            workspace_member_role, custom_role};

Names counting(const OverrideRow &row, CategorySet open) {
  return permissions_where([&](std::string_view resource, std::string_view action) {
    return override_counts(row, resource, action, open);
  });
}

TEST(Overrides, OfTheOrganizationCountByRole) {
  const Names all = permissions_where([](auto, auto) { return true; });
  const Names in_workspaces =
      permissions_where([](std::string_view resource, auto) { return !is_organization_level(resource); });
  for (const bool allowed : {false, true}) {
    for (const Uuid &role : roles_of_the_organization)
      EXPECT_EQ(counting({role, Level::organization, false, allowed}, {}),
                role == organization_owner_role   ? Names{}
                : role == organization_admin_role ? (Names{"logs.list", "logs.view"})
                                                  : all);
    for (const Uuid &role : roles_of_workspaces)
      EXPECT_EQ(counting({role, Level::workspace, false, allowed}, {}),
                role == workspace_admin_role ? Names{} : in_workspaces);
  }
}

TEST(Overrides, OfAWorkspaceCountForResourcesOfAnOpenCategory) {
  for (const std::string_view category : category_names) {
    const Names of_category = permissions_where([&](std::string_view resource, auto) {
      return resource == category || (category == "resources" && resource == "invoices");
    });
    for (const bool allowed : {false, true})
      for (const Uuid &role : roles_of_workspaces)
        EXPECT_EQ(counting({role, Level::workspace, true, allowed}, open_to(category)),
                  role == workspace_admin_role ? Names{} : of_category)
            << category;
    for (const Uuid &role : roles_of_the_organization)
      EXPECT_EQ(counting({role, Level::organization, true, true}, open_to(category)),
                role == organization_owner_role   ? Names{}
                : role != organization_admin_role ? of_category
                : category == "logs"              ? (Names{"logs.list", "logs.view"})
                                                  : Names{})
          << category;
  }
}

TEST(Overrides, OfAWorkspaceTakeNothingFromTheOrganizationsRoles) {
  for (const std::string_view category : category_names)
    for (const Uuid &role : roles_of_the_organization)
      EXPECT_EQ(counting({role, Level::organization, true, false}, open_to(category)), Names{}) << category;
}

TEST(Overrides, OfAWorkspaceAddToEveryRoleAndTakeFromThoseOfWorkspaces) {
  EXPECT_TRUE(workspace_may_override(Level::organization, true));
  EXPECT_FALSE(workspace_may_override(Level::organization, false));
  EXPECT_TRUE(workspace_may_override(Level::workspace, true));
  EXPECT_TRUE(workspace_may_override(Level::workspace, false));
}

TEST(Visibility, IsBelowWorkspaceAdminsOnly) {
  for (const Uuid &role : roles_of_workspaces)
    EXPECT_EQ(is_above_visibility(role), role == workspace_admin_role);
}

TEST(Overrides, OfAWorkspaceDontCountWhileNothingIsOpen) {
  for (const Uuid &role : {organization_admin_role, workspace_member_role, custom_role})
    for (const Level level : {Level::organization, Level::workspace})
      EXPECT_EQ(counting({role, level, true, true}, {}), Names{});
}

TEST(Categories, AreThoseOfBuiltInResourcesByNameAndOneForAllOthers) {
  for (const std::string_view resource : resources) {
    const auto category = category_of(resource);
    if (resource == "invoices") {
      EXPECT_EQ(category, Category::resources);
    } else {
      EXPECT_EQ(category, category_named(resource)) << resource;
    }
  }
  // Reserved names of categories are resources like any other.
  EXPECT_EQ(category_of("resources"), Category::resources);
  EXPECT_EQ(category_of("data_visibility"), Category::resources);
  for (const std::string_view name : words_of("without_category")) EXPECT_FALSE(category_of(name)) << name;
}

TEST(Gateway, IsTheBuiltInResourcesThatTheCoreDoesNotNeed) {
  EXPECT_EQ(resources_where(is_of_gateway),
            (Names{"analytics", "completions", "configs", "guardrails", "integrations", "logs", "models",
                   "prompts", "providers", "traces"}));
  EXPECT_EQ(words_of("gateway").size(), resources_where(is_of_gateway).size());
}

TEST(OwnResources, GiveMembersWhatReadsCreatesAndUpdates) {
  Names held;
  for (const std::string_view action : actions) {
    for (const Uuid &role :
         {organization_owner_role, organization_admin_role, workspace_admin_role, workspace_manager_role})
      EXPECT_TRUE(holds_by_default(role, action)) << action;
    EXPECT_EQ(holds_by_default(organization_member_role, action),
              holds_by_default(workspace_member_role, action));
    if (holds_by_default(workspace_member_role, action)) held.emplace(action);
  }
  EXPECT_EQ(held, (Names{"copy", "create", "export", "filter", "group", "list", "update", "view", "write"}));
}

TEST(OwnResources, HaveActionsThatReadOrWrite) {
  Names reading, other;
  for (const std::string_view action : actions) {
    if (kind_of_action(action) == ActionKind::read) reading.emplace(action);
    if (kind_of_action(action) == ActionKind::other) other.emplace(action);
  }
  EXPECT_EQ(reading, (Names{"copy", "export", "filter", "group", "list", "view"}));
  EXPECT_EQ(other, (Names{"", "manage", "rotate"}));
}

TEST(Permissions, CanBeRegisteredUnlessTheyChangeAppendOnlyResources) {
  const Names refused = permissions_where([](std::string_view resource, std::string_view action) {
    return !can_be_registered(resource, action);
  });
  EXPECT_EQ(refused, permissions_where([](std::string_view resource, std::string_view action) {
              return (resource == "logs" || resource == "traces" || resource == "analytics") &&
                     (action == "create" || action == "update" || action == "edit" || action == "delete");
            }));
}

TEST(Permissions, AreHeldFromTheirRegistrationOnWithinReach) {
  for (const std::string_view resource : resources) {
    EXPECT_TRUE(holds_new_permissions(organization_owner_role, resource));
    EXPECT_TRUE(holds_new_permissions(organization_admin_role, resource));
    EXPECT_EQ(holds_new_permissions(workspace_admin_role, resource), !is_organization_level(resource));
    EXPECT_EQ(can_hold(Level::workspace, resource), !is_organization_level(resource));
    EXPECT_TRUE(can_hold(Level::organization, resource));
    for (const Uuid &role :
         {organization_member_role, workspace_manager_role, workspace_member_role, custom_role})
      EXPECT_FALSE(holds_new_permissions(role, resource));
  }
}

TEST(Permissions, AreClassedByTheirNames) {
  PermissionClasses classes;
  PermissionId next = 0;
  for (const std::string_view resource : resources)
    for (const std::string_view action : actions) classes.add(next++, resource, action);
  next = 0;
  for (const std::string_view resource : resources)
    for (const std::string_view action : actions) {
      EXPECT_EQ(classes.organization_level.contains(next), is_organization_level(resource));
      EXPECT_EQ(classes.key_borne.contains(next), is_key_borne(resource, action));
      EXPECT_EQ(classes.never_a_user_keys.contains(next), is_never_a_user_keys(resource, action));
      EXPECT_EQ(classes.own_only_for_members.contains(next), is_own_only_for_members(resource));
      ++next;
    }
}

TEST(Words, AreListedByName) {
  EXPECT_EQ(words_of("levels").size(), 2U);
  EXPECT_EQ(words_of("categories").size(), category_names.size());
  for (const std::string_view name : words_of("categories")) EXPECT_TRUE(category_named(name)) << name;
  for (const std::string_view name : words_of("key_kinds")) EXPECT_TRUE(key_kind_named(name)) << name;
  for (const std::string_view name : words_of("levels")) EXPECT_TRUE(level_named(name)) << name;
  for (const std::string_view name : words_of("organization_level")) EXPECT_TRUE(is_organization_level(name));
  for (const std::string_view name : words_of("append_only")) EXPECT_TRUE(is_append_only(name)) << name;
  for (const std::string_view name : words_of("observability")) EXPECT_TRUE(is_observability(name)) << name;
  EXPECT_TRUE(words_of("").empty());
}

TEST(Keys, WriteTracesOfCompletionsByScopeAlone) {
  EXPECT_EQ(permissions_where(is_key_borne),
            (Names{"analytics.write", "completions.write", "logs.write", "traces.write"}));
}

TEST(Keys, OfUsersListAndViewKeysAtMost) {
  EXPECT_EQ(permissions_where(is_never_a_user_keys),
            permissions_where([](std::string_view resource, std::string_view action) {
              return resource == "api_keys" && action != "list" && action != "view";
            }));
}

TEST(Keys, ComeInThreeKinds) {
  EXPECT_EQ(key_kind_named("organization_service_key"), KeyKind::organization_service_key);
  EXPECT_EQ(key_kind_named("workspace_service_key"), KeyKind::workspace_service_key);
  EXPECT_EQ(key_kind_named("workspace_user_key"), KeyKind::workspace_user_key);
  for (const std::string_view name : {""sv, "workspace"sv, "jwt"sv, "workspace_user_key\0"sv})
    EXPECT_FALSE(key_kind_named(name)) << name;
}

TEST(Resources, AreOfTheOrganizationItselfOrNot) {
  EXPECT_EQ(resources_where(is_organization_level), (Names{"audit_logs", "billing", "organization"}));
}

TEST(Resources, AreAppendOnlyOrNot) {
  EXPECT_EQ(resources_where(is_append_only), (Names{"analytics", "logs", "traces"}));
}

TEST(Resources, AreObservabilityDataOrNot) {
  EXPECT_EQ(resources_where(is_observability), (Names{"analytics", "logs", "traces"}));
}

TEST(Resources, AreMembersOwnOnlyOrNot) {
  EXPECT_EQ(resources_where(is_own_only_for_members), (Names{"api_keys"}));
}

// Dumps and other servers know them by these.
TEST(Roles, ThatAreBuiltInHaveFixedIds) {
  EXPECT_EQ(organization_owner_role, (Uuid{{0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x01}}));
  EXPECT_EQ(organization_admin_role.bytes[15], 0x02);
  EXPECT_EQ(organization_member_role.bytes[15], 0x03);
  EXPECT_EQ(workspace_admin_role.bytes[15], 0x11);
  EXPECT_EQ(workspace_manager_role.bytes[15], 0x12);
  EXPECT_EQ(workspace_member_role.bytes[15], 0x13);
}

}  // namespace
}  // namespace tenancy
