// The facts about one user or key in the catalogs, as plain values. Access is computed from them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "core/access/permission_set.hpp"
#include "core/access/uuid.hpp"
#include "core/access/vocabulary.hpp"

namespace tenancy {

/// A role with its own grants, before overrides.
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

/// Everything that decides the rights of a user in one organization. The spans may be in any order.
/// A user can have several roles in one place: its own, and those of its groups. Its rights are their union.
struct UserFacts {
  Uuid organization;
  Uuid organization_role;                            // its own; nil for none
  std::span<const Uuid> group_roles;                 // organization roles of its groups
  std::span<const WorkspaceMembership> memberships;  // its own, and its groups'
  std::span<const Role> roles;                       // each role named above
  std::span<const GrantOverride> overrides;
  std::span<const VisibilitySwitch> visibility;  // of those roles, and of the workspace role member
  CategorySet open_to_workspaces;
  PermissionSet shared;  // not governed by data visibility: held over all rows
  const PermissionClasses *classes = nullptr;
  bool elevated = false;  // one of the roles is taken for a time
  /// The earliest end of a role above, in the server's time: the facts hold until then.
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
};

/// Everything that decides the rights of an API key, except its user's facts.
struct KeyFacts {
  KeyKind kind = KeyKind::workspace_service_key;
  Uuid organization;
  Uuid workspace;  // nil for an organization service key
  PermissionSet scopes;
  const PermissionClasses *classes = nullptr;
};

}  // namespace tenancy
