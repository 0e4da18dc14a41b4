#include "core/access/scopes.hpp"

#include <algorithm>
#include <array>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using std::string_view;

constexpr std::array<string_view, 11> features = {"metrics",    "completions",  "prompts",   "configs",
                                                  "guardrails", "integrations", "providers", "models",
                                                  "users",      "logs",         "traces"};
constexpr std::array<string_view, 2> switch_levels = {"disabled", "enabled"};
constexpr std::array<string_view, 4> ladder_levels = {"disabled", "read", "write", "delete"};
constexpr std::array<string_view, 5> log_levels = {"disabled", "list", "view", "export", "write"};

constexpr std::array metrics = {Scope{"analytics", "view"}, Scope{"analytics", "filter"},
                                Scope{"analytics", "group"}};
constexpr std::array completions = {Scope{"completions", "write"}, Scope{"logs", "write"},
                                    Scope{"traces", "write"}, Scope{"analytics", "write"}};

// read, then the additions of write, then those of delete: each level is a longer prefix of the same list.
constexpr std::array<string_view, 11> ladder = {"list",      "view",         "copy",      "create",
                                                "update",    "edit",         "duplicate", "publish",
                                                "add_users", "assign_roles", "delete"};
constexpr std::size_t read_length = 3, write_length = 10, delete_length = 11;

constexpr auto ladder_of(string_view resource) noexcept {
  std::array<Scope, ladder.size()> scopes{};
  for (std::size_t i = 0; i < ladder.size(); ++i) scopes[i] = {resource, ladder[i]};
  return scopes;
}

struct Ladder {
  string_view feature;
  std::array<Scope, ladder.size()> scopes;
};
constexpr std::array ladders = {Ladder{"prompts", ladder_of("prompts")},
                                Ladder{"configs", ladder_of("configs")},
                                Ladder{"guardrails", ladder_of("guardrails")},
                                Ladder{"integrations", ladder_of("integrations")},
                                Ladder{"providers", ladder_of("providers")},
                                Ladder{"models", ladder_of("models")},
                                Ladder{"users", ladder_of("team")}};

// The levels of logs and traces are independent; view includes filter and group.
constexpr auto log_scopes_of(string_view resource) noexcept {
  return std::array{Scope{resource, "list"},  Scope{resource, "view"},   Scope{resource, "filter"},
                    Scope{resource, "group"}, Scope{resource, "export"}, Scope{resource, "write"}};
}
constexpr auto logs = log_scopes_of("logs");
constexpr auto traces = log_scopes_of("traces");

std::span<const Scope> log_scopes(std::span<const Scope> scopes, string_view level) noexcept {
  if (level == "list") return scopes.subspan(0, 1);
  if (level == "view") return scopes.subspan(1, 3);
  if (level == "export") return scopes.subspan(4, 1);
  if (level == "write") return scopes.subspan(5, 1);
  return {};
}

// The ladder of resources of the user's own, likewise. Unknown actions are in no level: they are given
// singly.
constexpr std::array<string_view, 13> own_ladder = {"list",    "view",   "copy",   "filter", "group",
                                                    "export",  "create", "update", "edit",   "duplicate",
                                                    "publish", "write",  "delete"};
constexpr std::size_t own_read_length = 6, own_write_length = 12;

constexpr std::array defaults = {DefaultLevel{"completions", "enabled"}, DefaultLevel{"prompts", "read"}};

}  // namespace

std::span<const string_view> scope_features() noexcept { return features; }

std::span<const string_view> scope_levels(string_view feature) noexcept {
  if (feature == "metrics" || feature == "completions") return switch_levels;
  if (feature == "logs" || feature == "traces") return log_levels;
  if (std::find(features.begin(), features.end(), feature) != features.end()) return ladder_levels;
  return {};
}

std::span<const Scope> scopes_of_level(string_view feature, string_view level) noexcept {
  if (feature == "metrics")
    return level == "enabled" ? std::span<const Scope>(metrics) : std::span<const Scope>();
  if (feature == "completions")
    return level == "enabled" ? std::span<const Scope>(completions) : std::span<const Scope>();
  if (feature == "logs") return log_scopes(logs, level);
  if (feature == "traces") return log_scopes(traces, level);
  for (const auto &one : ladders) {
    if (one.feature != feature) continue;
    const std::span<const Scope> scopes = one.scopes;
    if (level == "read") return scopes.subspan(0, read_length);
    if (level == "write") return scopes.subspan(0, write_length);
    if (level == "delete") return scopes.subspan(0, delete_length);
  }
  return {};
}

std::span<const Scope> scopes_of_word(string_view feature, string_view word, bool is_registered) noexcept {
  if (!is_registered) return scopes_of_level(feature, word);
  return feature == "completions" && word == "write" ? std::span<const Scope>(completions)
                                                     : std::span<const Scope>();
}

bool is_scope_level(string_view feature, string_view level) noexcept {
  const auto levels = scope_levels(feature);
  return std::find(levels.begin(), levels.end(), level) != levels.end();
}

std::span<const string_view> own_resource_levels() noexcept { return ladder_levels; }

std::span<const string_view> actions_of_level(string_view level) noexcept {
  const std::span<const string_view> actions = own_ladder;
  if (level == "read") return actions.first(own_read_length);
  if (level == "write") return actions.first(own_write_length);
  if (level == "delete") return actions;
  return {};
}

std::span<const DefaultLevel> default_scope_levels() noexcept { return defaults; }

}  // namespace tenancy
