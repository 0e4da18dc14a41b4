#include "core/access/model.hpp"

#include <algorithm>
#include <array>

namespace tenancy {
namespace {

constexpr std::array<std::string_view, 7> category_names = {
    "data_visibility", "logs", "analytics", "api_keys", "prompts", "guardrails", "integrations"};
constexpr std::array<std::string_view, 3> key_kind_names = {"organization_service_key",
                                                            "workspace_service_key", "workspace_user_key"};

template <std::size_t size>
constexpr bool is_one_of(std::string_view word, const std::array<std::string_view, size> &words) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 3> append_only = {"logs", "traces", "analytics"};
constexpr std::array<std::string_view, 3> organization_level = {"organization", "billing", "audit_logs"};
constexpr std::array<std::string_view, 4> written_by_completions = {"completions", "logs", "traces",
                                                                    "analytics"};

}  // namespace

std::optional<Category> category_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < category_names.size(); ++i)
    if (category_names[i] == name) return static_cast<Category>(i);
  return std::nullopt;
}

std::optional<KeyKind> key_kind_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < key_kind_names.size(); ++i)
    if (key_kind_names[i] == name) return static_cast<KeyKind>(i);
  return std::nullopt;
}

bool override_counts(const Uuid &role, bool of_workspace, std::string_view resource, std::string_view action,
                     CategorySet open_to_workspaces) noexcept {
  if (role == organization_owner_role || role == workspace_admin_role) return false;
  if (role == organization_admin_role && !(resource == "logs" && (action == "view" || action == "list")))
    return false;
  if (!of_workspace) return true;
  const auto category = category_named(resource);
  return category && open_to_workspaces.contains(*category);
}

bool is_key_borne(std::string_view resource, std::string_view action) noexcept {
  return action == "write" && is_one_of(resource, written_by_completions);
}

bool is_never_a_user_keys(std::string_view resource, std::string_view action) noexcept {
  return resource == "api_keys" && action != "list" && action != "view";
}

bool is_own_only_for_members(std::string_view resource) noexcept { return resource == "api_keys"; }

bool is_organization_level(std::string_view resource) noexcept {
  return is_one_of(resource, organization_level);
}

bool is_append_only(std::string_view resource) noexcept { return is_one_of(resource, append_only); }

}  // namespace tenancy
