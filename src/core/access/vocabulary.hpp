// The vocabulary of the access model, and rules that follow from a word alone: levels, categories, kinds of
// keys, resources of the organization level, append-only resources, what can be overridden.
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

/// Roles and their grants are on one of two levels.
enum class Level : std::uint8_t { organization, workspace };
std::optional<Level> level_named(std::string_view name) noexcept;

/// Tenant settings come in categories; an organization allows or forbids its workspaces to configure each.
enum class Category : std::uint8_t {
  data_visibility,
  logs,
  analytics,
  api_keys,
  prompts,
  guardrails,
  integrations,
  resources
};

std::optional<Category> category_named(std::string_view name) noexcept;

/// The category that a resource's grants belong to: the one of its name; `resources` for a resource that is
/// not built in; none for other built-in resources, which workspaces never configure.
std::optional<Category> category_of(std::string_view resource) noexcept;

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

/// A list of words by name, for SQL: levels, categories, key_kinds, organization_level, append_only,
/// observability, gateway (resources of the vocabulary llm_gateway), without_category. Empty for any other
/// name.
std::span<const std::string_view> words_of(std::string_view list) noexcept;

/// Whether an override of a role's grant can have any effect: never for owners and workspace admins; for
/// organization admins only on logs.view and logs.list; for workspace roles only on resources that aren't
/// on the organization level.
bool can_be_overridden(const Uuid &role, Level level_of_role, std::string_view resource,
                       std::string_view action) noexcept;

/// Whether a workspace's override of a role's grant can count: it takes nothing from a role of the
/// organization.
bool workspace_may_override(Level level_of_role, bool allowed) noexcept;

/// Roles of a workspace that see all rows, whatever the data visibility.
bool is_above_visibility(const Uuid &role) noexcept;

/// A row with an override of a role's grant, of an organization or a workspace.
struct OverrideRow {
  Uuid role;
  Level level_of_role;
  bool of_workspace;
  bool allowed;
};
/// Whether such a row counts: the grant can be overridden, and a workspace's row counts only while its
/// category is open to workspaces, and takes nothing from a role of the organization.
bool override_counts(const OverrideRow &row, std::string_view resource, std::string_view action,
                     CategorySet open_to_workspaces) noexcept;

/// Whether a user key has this permission by its scope alone, even if its user lacks it.
bool is_key_borne(std::string_view resource, std::string_view action) noexcept;

/// Whether a user key never has this permission, whatever its scopes.
bool is_never_a_user_keys(std::string_view resource, std::string_view action) noexcept;

/// Whether the workspace role member holds this over own rows only, whatever the data visibility.
bool is_own_only_for_members(std::string_view resource) noexcept;

/// Whether keys with every scope lack the action, and no level includes it: it must be named.
bool is_off_by_default(std::string_view action) noexcept;

/// Resources of the organization level: permissions on them count in no workspace, and for none of its
/// rows.
bool is_organization_level(std::string_view resource) noexcept;

/// Whether a role of this level can have permissions on the resource.
bool can_hold(Level level_of_role, std::string_view resource) noexcept;

/// Resources whose rows no principal ever updates or deletes.
bool is_append_only(std::string_view resource) noexcept;

/// Whether the action makes sense on the resource and can be registered: not a change of append-only rows.
bool can_be_registered(std::string_view resource, std::string_view action) noexcept;

/// Built-in resources that data visibility governs.
bool is_observability(std::string_view resource) noexcept;

/// The built-in roles that hold a permission from its registration on, so that it can be delegated.
bool holds_new_permissions(const Uuid &role, std::string_view resource) noexcept;

/// Whether the resource belongs to the vocabulary llm_gateway, which an installation can leave out.
bool is_of_gateway(std::string_view resource) noexcept;

/// The effect of an action on a resource of the user's own, as far as its name says: it reads rows, writes
/// them, or neither.
enum class ActionKind : std::uint8_t { read, write, other };
ActionKind kind_of_action(std::string_view action) noexcept;

/// Whether a built-in role holds this action on a resource of the user's own, unless the resource is
/// registered otherwise: members what reads, creates and updates rows, all others everything.
bool holds_by_default(const Uuid &role, std::string_view action) noexcept;

/// The model's classes of permissions. REQUIRES: a permission is added here when it gets its number, before
/// it is in any other set.
struct PermissionClasses {
  PermissionSet organization_level;
  PermissionSet key_borne;
  PermissionSet never_a_user_keys;
  PermissionSet own_only_for_members;
  PermissionSet off_by_default;

  void add(PermissionId permission, std::string_view resource, std::string_view action) noexcept;
};

}  // namespace tenancy
