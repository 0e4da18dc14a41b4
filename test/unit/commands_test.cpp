#include "core/access/commands.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace tenancy {
namespace {

using namespace std::string_view_literals;

std::string enough_for(Command command, std::string_view resource, bool has_view) {
  auto actions = actions_enough_for(command, resource, has_view);
  std::sort(actions.begin(), actions.end());
  std::string text;
  for (const std::string_view action : actions)
    if (!action.empty()) text.append(text.empty() ? "" : " ").append(action);
  return text;
}

TEST(Commands, NeedOneOfTheseActions) {
  constexpr struct {
    std::string_view resource;
    bool has_view;
    std::string_view view, list, insert, update, remove;
  } cases[] = {
      {"logs", true, "view", "list view", "write", "", ""},
      {"traces", true, "view", "list view", "write", "", ""},
      {"analytics", true, "view", "list view", "write", "", ""},
      {"completions", false, "list", "list view", "create write", "edit update", "delete"},
      {"prompts", true, "view", "list view", "create write", "edit update", "delete"},
      {"configs", true, "view", "list view", "create write", "edit update", "delete"},
      {"guardrails", true, "view", "list view", "create write", "edit update", "delete"},
      {"integrations", false, "list", "list view", "create write", "edit update", "delete"},
      {"providers", false, "list", "list view", "create write", "edit update", "delete"},
      {"models", false, "list", "list view", "create write", "edit update", "delete"},
      {"team", true, "view", "list view", "create write", "edit update", "delete"},
      {"api_keys", true, "view", "list view", "create write", "edit update", "delete"},
      {"workspaces", true, "view", "list view", "create write", "edit update", "delete"},
      {"audit_logs", false, "list", "list view", "create write", "edit update", "delete"},
      {"registered by somebody", true, "view", "list view", "create write", "edit update", "delete"},
  };
  for (const auto &[resource, has_view, view, list, insert, update, remove] : cases) {
    EXPECT_EQ(enough_for(Command::view, resource, has_view), view) << resource;
    EXPECT_EQ(enough_for(Command::list, resource, has_view), list) << resource;
    EXPECT_EQ(enough_for(Command::insert, resource, has_view), insert) << resource;
    EXPECT_EQ(enough_for(Command::update, resource, has_view), update) << resource;
    EXPECT_EQ(enough_for(Command::remove, resource, has_view), remove) << resource;
  }
}

TEST(Commands, HaveNames) {
  EXPECT_EQ(command_named("view"), Command::view);
  EXPECT_EQ(command_named("list"), Command::list);
  EXPECT_EQ(command_named("insert"), Command::insert);
  EXPECT_EQ(command_named("update"), Command::update);
  EXPECT_EQ(command_named("delete"), Command::remove);
  for (const std::string_view name : {""sv, "remove"sv, "select"sv, "View"sv, "view "sv, "view\0"sv})
    EXPECT_EQ(command_named(name), std::nullopt) << name;
}

}  // namespace
}  // namespace tenancy
