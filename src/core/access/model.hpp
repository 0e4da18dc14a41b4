// The facts that rights follow from, as plain values: what the catalogs say about one user or key.
#pragma once

#include <span>

#include "core/access/permission_set.hpp"
#include "core/access/uuid.hpp"
#include "core/access/vocabulary.hpp"

namespace tenancy {

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
  PermissionSet shared;  // of which data visibility decides nothing: who holds them sees all rows
  const PermissionClasses *classes = nullptr;
};

/// All that decides what an API key may do, its user's facts aside.
struct KeyFacts {
  KeyKind kind = KeyKind::workspace_service_key;
  Uuid organization;
  Uuid workspace;  // nil for an organization service key
  PermissionSet scopes;
  const PermissionClasses *classes = nullptr;
};

}  // namespace tenancy
