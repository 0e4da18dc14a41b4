// The words of the access model, and what follows from a word alone: levels, categories, kinds of keys, which
// resources are of the organization, which are append-only, what can be overridden.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/access/permission_set.hpp"
#include "core/access/uuid.hpp"

namespace tenancy {

/// The built-in roles have fixed ids: 00000000-0000-4000-8000-0000000000NN.
constexpr Uuid built_in_role_id(std::uint8_t last) noexcept {
  return Uuid{{0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, last}};
}
inline constexpr Uuid organization_owner_role = built_in_role_id(0x01);
inline constexpr Uuid organization_admin_role = built_in_role_id(0x02);
inline constexpr Uuid organization_member_role = built_in_role_id(0x03);
inline constexpr Uuid workspace_admin_role = built_in_role_id(0x11);
inline constexpr Uuid workspace_manager_role = built_in_role_id(0x12);
inline constexpr Uuid workspace_member_role = built_in_role_id(0x13);

/// Roles, and what they give, are on one of two levels.
enum class Level : std::uint8_t { organization, workspace };
std::optional<Level> level_named(std::string_view name) noexcept;

/// Settings come in categories; an organization opens each to its workspaces or doesn't.
enum class Category : std::uint8_t {
  data_visibility,
  logs,
  analytics,
  api_keys,
  prompts,
  guardrails,
  integrations
};

/// The category of that name; a resource's grants belong to the category of the same name, if there is one.
std::optional<Category> category_named(std::string_view name) noexcept;

class CategorySet {
 public:
  constexpr void add(Category category) noexcept { bits_ |= bit(category); }
  constexpr bool contains(Category category) const noexcept { return (bits_ & bit(category)) != 0; }

 private:
  static constexpr std::uint8_t bit(Category category) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(category));
  }
  std::uint8_t bits_ = 0;
};

enum class KeyKind : std::uint8_t { organization_service_key, workspace_service_key, workspace_user_key };
std::optional<KeyKind> key_kind_named(std::string_view name) noexcept;

/// A list of words that SQL asks for by its name: levels, categories, key_kinds, organization_level,
/// append_only, observability. Empty for any other name.
std::span<const std::string_view> words_of(std::string_view list) noexcept;

/// Whether the override of a role's grant can have any effect: never on an owner or workspace admin; on an
/// organization admin only for logs.view and logs.list; on a workspace role only where the resource isn't of
/// the organization itself.
bool can_be_overridden(const Uuid &role, Level level_of_role, std::string_view resource,
                       std::string_view action) noexcept;

/// An organization's row about a role's grant, or a workspace's.
struct OverrideRow {
  Uuid role;
  Level level_of_role;
  bool of_workspace;
  bool allowed;
};
/// Whether such a row is looked at: it can be overridden, and a workspace's row counts only while its
/// category is open to workspaces, and takes nothing from a role of the organization.
bool override_counts(const OverrideRow &row, std::string_view resource, std::string_view action,
                     CategorySet open_to_workspaces) noexcept;

/// Whether a user key holds this by its scope alone, without its user holding it.
bool is_key_borne(std::string_view resource, std::string_view action) noexcept;

/// Whether a user key can never hold this, whatever its scopes say.
bool is_never_a_user_keys(std::string_view resource, std::string_view action) noexcept;

/// Whether the workspace role member holds this for the user's own rows only, whatever the visibility.
bool is_own_only_for_members(std::string_view resource) noexcept;

/// Resources of the organization itself: nothing in a workspace, nor about its rows, follows from them.
bool is_organization_level(std::string_view resource) noexcept;

/// Resources whose rows no principal ever updates or deletes.
bool is_append_only(std::string_view resource) noexcept;

/// Whether an action on a resource makes no sense, so that it can't be registered: a change of what is
/// append-only.
bool can_be_registered(std::string_view resource, std::string_view action) noexcept;

/// Built-in resources of which data visibility decides how many rows are seen.
bool is_observability(std::string_view resource) noexcept;

/// The built-in roles that hold a permission from its registration on, so that somebody can hand it out.
bool holds_new_permissions(const Uuid &role, std::string_view resource) noexcept;

/// Permissions by what the model says of them. Whoever numbers permissions keeps these: each is added when it
/// gets its number, before it is in any other set.
struct PermissionClasses {
  PermissionSet organization_level;
  PermissionSet key_borne;
  PermissionSet never_a_user_keys;
  PermissionSet own_only_for_members;

  void add(PermissionId permission, std::string_view resource, std::string_view action) noexcept;
};

}  // namespace tenancy
