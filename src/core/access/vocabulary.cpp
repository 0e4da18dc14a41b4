#include "core/access/vocabulary.hpp"

#include <algorithm>
#include <array>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using std::string_view;

// In the order of the enumerations.
constexpr std::array<string_view, 2> level_names = {"organization", "workspace"};
constexpr std::array<string_view, 8> category_names = {
    "data_visibility", "logs", "analytics", "api_keys", "prompts", "guardrails", "integrations", "resources"};
constexpr std::array<string_view, 3> key_kind_names = {"organization_service_key", "workspace_service_key",
                                                       "workspace_user_key"};

constexpr std::array<string_view, 3> organization_level = {"organization", "billing", "audit_logs"};
// Observability data are written once and never changed.
constexpr std::array<string_view, 3> observability = {"logs", "traces", "analytics"};
// The built-in resources are those of the gateway and the core's.
constexpr std::array<string_view, 10> gateway = {"logs",      "traces",  "analytics",  "completions",
                                                 "prompts",   "configs", "guardrails", "integrations",
                                                 "providers", "models"};
constexpr std::array<string_view, 6> core = {"team",    "organization", "api_keys",
                                             "billing", "audit_logs",   "workspaces"};
// Built-in resources whose grants no workspace overrides.
constexpr std::array<string_view, 10> without_category = {
    "traces", "completions",  "configs", "providers",  "models",
    "team",   "organization", "billing", "audit_logs", "workspaces"};
constexpr std::array<string_view, 6> reading = {"list", "view", "filter", "group", "export", "copy"};
constexpr std::array<string_view, 7> writing = {"create",    "update",  "edit", "delete",
                                                "duplicate", "publish", "write"};
constexpr std::array<string_view, 4> changes = {"create", "update", "edit", "delete"};
constexpr std::array<string_view, 4> written_by_completions = {"completions", "logs", "traces", "analytics"};

template <std::size_t size>
constexpr bool is_one_of(string_view word, const std::array<string_view, size> &words) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <typename Enumeration, std::size_t size>
std::optional<Enumeration> named(string_view name, const std::array<string_view, size> &names) noexcept {
  for (std::size_t i = 0; i < size; ++i)
    if (names[i] == name) return static_cast<Enumeration>(i);
  return std::nullopt;
}

}  // namespace

std::optional<Level> level_named(string_view name) noexcept { return named<Level>(name, level_names); }

std::optional<Category> category_named(string_view name) noexcept {
  return named<Category>(name, category_names);
}

std::optional<Category> category_of(string_view resource) noexcept {
  if (is_one_of(resource, without_category)) return std::nullopt;
  if (!is_one_of(resource, gateway) && !is_one_of(resource, core)) return Category::resources;
  return category_named(resource);
}

std::optional<KeyKind> key_kind_named(string_view name) noexcept {
  return named<KeyKind>(name, key_kind_names);
}

std::span<const string_view> words_of(string_view list) noexcept {
  if (list == "levels") return level_names;
  if (list == "categories") return category_names;
  if (list == "key_kinds") return key_kind_names;
  if (list == "organization_level") return organization_level;
  if (list == "append_only" || list == "observability") return observability;
  if (list == "gateway") return gateway;
  if (list == "without_category") return without_category;
  return {};
}

bool can_be_overridden(const Uuid &role, Level level_of_role, string_view resource,
                       string_view action) noexcept {
  if (role == organization_owner_role || role == workspace_admin_role) return false;
  if (role == organization_admin_role) return resource == "logs" && (action == "view" || action == "list");
  return can_hold(level_of_role, resource);
}

bool workspace_may_override(Level level_of_role, bool allowed) noexcept {
  return level_of_role == Level::workspace || allowed;
}

bool is_above_visibility(const Uuid &role) noexcept { return role == workspace_admin_role; }

bool override_counts(const OverrideRow &row, string_view resource, string_view action,
                     CategorySet open_to_workspaces) noexcept {
  if (!can_be_overridden(row.role, row.level_of_role, resource, action)) return false;
  if (!row.of_workspace) return true;
  if (!workspace_may_override(row.level_of_role, row.allowed)) return false;
  const auto category = category_of(resource);
  return category && open_to_workspaces.contains(*category);
}

bool is_key_borne(string_view resource, string_view action) noexcept {
  return action == "write" && is_one_of(resource, written_by_completions);
}

bool is_never_a_user_keys(string_view resource, string_view action) noexcept {
  return resource == "api_keys" && action != "list" && action != "view";
}

bool is_own_only_for_members(string_view resource) noexcept { return resource == "api_keys"; }

bool is_off_by_default(string_view action) noexcept { return action == "attribute"; }

bool is_organization_level(string_view resource) noexcept { return is_one_of(resource, organization_level); }

bool can_hold(Level level_of_role, string_view resource) noexcept {
  return level_of_role == Level::organization || !is_organization_level(resource);
}

bool is_append_only(string_view resource) noexcept { return is_one_of(resource, observability); }

bool can_be_registered(string_view resource, string_view action) noexcept {
  return !(is_append_only(resource) && is_one_of(action, changes));
}

bool is_observability(string_view resource) noexcept { return is_one_of(resource, observability); }

bool holds_new_permissions(const Uuid &role, string_view resource) noexcept {
  return role == organization_owner_role || role == organization_admin_role ||
         (role == workspace_admin_role && can_hold(Level::workspace, resource));
}

bool is_of_gateway(string_view resource) noexcept { return is_one_of(resource, gateway); }

ActionKind kind_of_action(string_view action) noexcept {
  if (is_one_of(action, reading)) return ActionKind::read;
  if (is_one_of(action, writing)) return ActionKind::write;
  return ActionKind::other;
}

bool holds_by_default(const Uuid &role, string_view action) noexcept {
  if (role != organization_member_role && role != workspace_member_role) return true;
  return kind_of_action(action) == ActionKind::read || action == "create" || action == "update" ||
         action == "write";
}

void PermissionClasses::add(PermissionId permission, string_view resource, string_view action) noexcept {
  // Groups are the organization's.
  if (is_organization_level(resource) || (resource == "team" && action == "sync_groups"))
    organization_level.add(permission);
  if (is_key_borne(resource, action)) key_borne.add(permission);
  if (is_never_a_user_keys(resource, action)) never_a_user_keys.add(permission);
  if (is_own_only_for_members(resource)) own_only_for_members.add(permission);
  if (is_off_by_default(action)) off_by_default.add(permission);
}

}  // namespace tenancy
