// The facts that rights follow from, as plain values: what the catalogs say about one user or key.
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

/// A role with the grants it is born with.
struct Role {
  Uuid id;
  bool all_workspaces = false;
  PermissionSet granted;
};

/// An organization's row in grants, or (with a workspace) a workspace's.
struct GrantOverride {
  Uuid role;
  Uuid workspace;  // nil: the whole organization
  PermissionId permission = 0;
  bool allowed = false;
  bool counts = false;  // see override_counts()
};

/// Whether an override of this grant is looked at: never on an owner or workspace admin; on an organization
/// admin only for logs.view and logs.list; a workspace's only while its category is open to workspaces.
bool override_counts(const Uuid &role, bool of_workspace, std::string_view resource, std::string_view action,
                     CategorySet open_to_workspaces) noexcept;

/// An organization's switch for a role's visibility, or (with a workspace) a workspace's.
struct VisibilitySwitch {
  Uuid role;
  Uuid workspace;  // nil: the whole organization
  bool all_rows = true;
};

struct WorkspaceMembership {
  Uuid workspace;
  Uuid role;
};

/// All that decides what a user may do in one organization. The spans may be in any order.
struct UserFacts {
  Uuid organization;
  Uuid organization_role;
  std::span<const WorkspaceMembership> memberships;
  std::span<const Role> roles;  // each role named above
  std::span<const GrantOverride> overrides;
  std::span<const VisibilitySwitch> visibility;  // of those roles, and of the workspace role member
  CategorySet open_to_workspaces;
  PermissionSet own_only_for_members;  // what the workspace role member holds for own rows only: API keys
};

/// Whether the workspace role member holds this for the user's own rows only, whatever the visibility.
bool is_own_only_for_members(std::string_view resource) noexcept;

enum class KeyKind : std::uint8_t { organization_service_key, workspace_service_key, workspace_user_key };

std::optional<KeyKind> key_kind_named(std::string_view name) noexcept;

/// All that decides what an API key may do, its user's facts aside.
struct KeyFacts {
  KeyKind kind = KeyKind::workspace_service_key;
  Uuid organization;
  Uuid workspace;  // nil for an organization service key
  PermissionSet scopes;
  PermissionSet key_borne;    // held by scope alone: completions.write and what a completion leaves behind
  PermissionSet not_by_user;  // what no user key ever holds: the management of API keys
};

/// Whether a user key holds this by its scope alone, without its user holding it.
bool is_key_borne(std::string_view resource, std::string_view action) noexcept;

/// Whether a user key can never hold this, whatever its scopes say.
bool is_never_a_user_keys(std::string_view resource, std::string_view action) noexcept;

/// Resources of the organization itself, which no workspace role reaches.
bool is_organization_level(std::string_view resource) noexcept;

/// Resources whose rows no principal ever updates or deletes.
bool is_append_only(std::string_view resource) noexcept;

}  // namespace tenancy
