// The levels of a key's scopes, cell by cell.
#include "core/access/scopes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

namespace tenancy {
namespace {

using Names = std::set<std::string>;

Names words(std::string_view text) {
  std::istringstream in{std::string(text)};
  return {std::istream_iterator<std::string>(in), {}};
}

// The permissions that there are: the verbs of the matrix, and those that the access model adds to it.
const std::map<std::string, Names> registered = {
    {"logs", words("list view filter group export write")},
    {"traces", words("list view filter group export write")},
    {"analytics", words("view filter group write")},
    {"completions", words("write")},
    {"prompts", words("list view create update delete publish")},
    {"configs", words("list view create update delete")},
    {"guardrails", words("list view create update delete")},
    {"integrations", words("list create edit duplicate delete copy")},
    {"providers", words("list create edit duplicate delete copy")},
    {"models", words("list create edit duplicate delete copy")},
    {"team", words("list view add_users assign_roles")},
    {"organization", words("update")},
    {"api_keys", words("list view create edit delete update rotate")},
    {"billing", words("manage")},
    {"audit_logs", words("list")},
    {"workspaces", words("list view create update delete")},
};

// clang-format off
constexpr struct {
  std::string_view feature, level, resource, actions;
} cells[] = {
    {"metrics",      "disabled", "",             ""},
    {"metrics",      "enabled",  "analytics",    "view filter group"},
    {"completions",  "disabled", "",             ""},
    {"completions",  "enabled",  "completions",  "write"},
    {"completions",  "enabled",  "logs",         "write"},
    {"completions",  "enabled",  "traces",       "write"},
    {"completions",  "enabled",  "analytics",    "write"},
    {"prompts",      "disabled", "",             ""},
    {"prompts",      "read",     "prompts",      "list view"},
    {"prompts",      "write",    "prompts",      "list view create update publish"},
    {"prompts",      "delete",   "prompts",      "list view create update publish delete"},
    {"configs",      "disabled", "",             ""},
    {"configs",      "read",     "configs",      "list view"},
    {"configs",      "write",    "configs",      "list view create update"},
    {"configs",      "delete",   "configs",      "list view create update delete"},
    {"guardrails",   "disabled", "",             ""},
    {"guardrails",   "read",     "guardrails",   "list view"},
    {"guardrails",   "write",    "guardrails",   "list view create update"},
    {"guardrails",   "delete",   "guardrails",   "list view create update delete"},
    {"integrations", "disabled", "",             ""},
    {"integrations", "read",     "integrations", "list copy"},
    {"integrations", "write",    "integrations", "list copy create edit duplicate"},
    {"integrations", "delete",   "integrations", "list copy create edit duplicate delete"},
    {"providers",    "disabled", "",             ""},
    {"providers",    "read",     "providers",    "list copy"},
    {"providers",    "write",    "providers",    "list copy create edit duplicate"},
    {"providers",    "delete",   "providers",    "list copy create edit duplicate delete"},
    {"models",       "disabled", "",             ""},
    {"models",       "read",     "models",       "list copy"},
    {"models",       "write",    "models",       "list copy create edit duplicate"},
    {"models",       "delete",   "models",       "list copy create edit duplicate delete"},
    {"users",        "disabled", "",             ""},
    {"users",        "read",     "team",         "list view"},
    {"users",        "write",    "team",         "list view add_users assign_roles"},
    {"users",        "delete",   "team",         "list view add_users assign_roles"},
    {"logs",         "disabled", "",             ""},
    {"logs",         "list",     "logs",         "list"},
    {"logs",         "view",     "logs",         "view filter group"},
    {"logs",         "export",   "logs",         "export"},
    {"logs",         "write",    "logs",         "write"},
    {"traces",       "disabled", "",             ""},
    {"traces",       "list",     "traces",       "list"},
    {"traces",       "view",     "traces",       "view filter group"},
    {"traces",       "export",   "traces",       "export"},
    {"traces",       "write",    "traces",       "write"},
};
// clang-format on

// The registered permissions of a level.
Names given_by(std::string_view feature, std::string_view level) {
  Names given;
  for (const auto &[resource, action] : scopes_of_level(feature, level)) {
    const auto found = registered.find(std::string(resource));
    EXPECT_NE(found, registered.end()) << feature << ": there is no resource " << resource;
    if (found != registered.end() && found->second.contains(std::string(action)))
      given.insert(std::string(resource) + '.' + std::string(action));
  }
  return given;
}

TEST(Scopes, EqualTheTableOfTheAccessModel) {
  std::map<std::pair<std::string_view, std::string_view>, Names> expected;
  for (const auto &[feature, level, resource, actions] : cells) {
    Names &names = expected[{feature, level}];
    for (const std::string &action : words(actions)) names.insert(std::string(resource) + '.' + action);
  }
  for (const auto &[cell, names] : expected)
    EXPECT_EQ(given_by(cell.first, cell.second), names) << cell.first << ' ' << cell.second;
}

TEST(Scopes, HaveTheFeaturesAndLevelsOfTheTableAndNoOthers) {
  std::set<std::pair<std::string, std::string>> expected, known;
  for (const auto &cell : cells) expected.emplace(cell.feature, cell.level);
  for (const std::string_view feature : scope_features())
    for (const std::string_view level : scope_levels(feature))
      EXPECT_TRUE(known.emplace(feature, level).second) << feature << ' ' << level << " is there twice";
  EXPECT_EQ(known, expected);
}

TEST(Scopes, OfAHigherRungHoldThoseOfTheLowerOne) {
  for (const std::string_view feature :
       {"prompts", "configs", "guardrails", "integrations", "providers", "models", "users"}) {
    Names lower;
    for (const std::string_view level : {"disabled", "read", "write", "delete"}) {
      const Names higher = given_by(feature, level);
      EXPECT_TRUE(std::includes(higher.begin(), higher.end(), lower.begin(), lower.end()))
          << feature << ' ' << level;
      lower = higher;
    }
  }
}

TEST(Scopes, OfOwnResourcesAreALadderToo) {
  std::set<std::string_view> lower;
  for (const std::string_view level : own_resource_levels()) {
    const auto actions = actions_of_level(level);
    const std::set<std::string_view> higher(actions.begin(), actions.end());
    EXPECT_TRUE(std::includes(higher.begin(), higher.end(), lower.begin(), lower.end())) << level;
    EXPECT_EQ(higher.contains("view"), level != "disabled") << level;
    EXPECT_EQ(higher.contains("create"), level == "write" || level == "delete") << level;
    EXPECT_EQ(higher.contains("delete"), level == "delete") << level;
    lower = higher;
  }
  for (const std::string_view level : {"", "none", "Read", "enabled"})
    EXPECT_TRUE(actions_of_level(level).empty()) << level;
}

TEST(Scopes, AreEmptyForUnknownFeaturesAndLevels) {
  for (const std::string_view feature : {"", "api_keys", "billing", "team", "analytics", "Logs", "logs "}) {
    EXPECT_TRUE(scope_levels(feature).empty()) << feature;
    for (const std::string_view level : {"read", "write", "delete", "enabled", "list", "view"})
      EXPECT_TRUE(scopes_of_level(feature, level).empty()) << feature << ' ' << level;
  }
  for (const std::string_view feature : scope_features()) {
    const auto levels = scope_levels(feature);
    for (const std::string_view level :
         {"", "none", "read", "write", "delete", "enabled", "list", "view", "export", "all", "Read"})
      if (std::find(levels.begin(), levels.end(), level) == levels.end()) {
        EXPECT_TRUE(scopes_of_level(feature, level).empty()) << feature << ' ' << level;
      }
  }
}

TEST(Scopes, AWordIsALevelOnlyWhereItIsNoPermission) {
  const auto given = [](std::string_view feature, std::string_view word, bool is_registered) {
    Names names;
    for (const Scope &scope : scopes_of_word(feature, word, is_registered))
      if (const auto found = registered.find(std::string(scope.resource));
          found != registered.end() && found->second.contains(std::string(scope.action)))
        names.insert(std::string(scope.resource) + '.' + std::string(scope.action));
    return names;
  };
  EXPECT_EQ(given("prompts", "read", false), given_by("prompts", "read"));
  EXPECT_EQ(given("users", "write", false), given_by("users", "write"));
  EXPECT_EQ(given("metrics", "enabled", false), given_by("metrics", "enabled"));
  EXPECT_EQ(given("completions", "write", true), given_by("completions", "enabled"));
  for (const std::string_view word : {"read", "write", "delete", "view"}) {
    EXPECT_TRUE(given("prompts", word, true).empty()) << word;
    EXPECT_TRUE(given("logs", word, true).empty()) << word;
  }
  EXPECT_TRUE(given("prompts", "raed", false).empty());
  EXPECT_TRUE(is_scope_level("prompts", "disabled"));
  EXPECT_FALSE(is_scope_level("prompts", "enabled"));
  EXPECT_FALSE(is_scope_level("prompt", "read"));
}

TEST(Scopes, OfANewKeyWriteCompletionsAndReadPrompts) {
  Names defaults;
  for (const auto &[feature, level] : default_scope_levels()) defaults.merge(given_by(feature, level));
  EXPECT_EQ(defaults,
            words("completions.write logs.write traces.write analytics.write prompts.list prompts.view"));
}

}  // namespace
}  // namespace tenancy
