// Small worlds for single rules of access.
#pragma once

#include <optional>

#include "core/access/access.hpp"
#include "properties.hpp"
#include "world.hpp"

namespace tenancy::test {

inline constexpr Uuid here = made_up_id(0x20, 1), there = made_up_id(0x10, 2);
inline constexpr std::optional<bool> unset, yes = true, no = false;

inline PermissionSet everything() {
  PermissionSet set;
  for (const Permission &permission : permissions) set.add(permission.id);
  return set;
}

// The part of everything() that counts in a workspace and for its rows.
inline PermissionSet everything_in_workspaces() {
  PermissionSet set = everything();
  set -= classes.organization_level;
  return set;
}

inline bool is_of_organization(const Permission &permission) {
  return classes.organization_level.contains(permission.id);
}

inline Rows rows_in(const Access &access, const Uuid &workspace, const Permission &permission) {
  return access.in_workspace(workspace).rows(permission.id);
}

// A user who has one role in the workspace `here` and none in the organization.
inline World with_role_here(const Uuid &role, const PermissionSet &born_with) {
  World world;
  world.workspaces = {here, there};
  world.join(here, role, born_with);
  return world;
}

inline World with_organization_role(const Uuid &role, const PermissionSet &born_with) {
  World world;
  world.workspaces = {here, there};
  world.become(role, born_with);
  return world;
}

// The organization and the workspace `here` deny a role everything, and every category is open.
inline void deny_everything(World &world, const Uuid &role) {
  for (const Permission &permission : permissions) {
    world.grants.push_back({role, {}, permission, false});
    world.grants.push_back({role, here, permission, false});
  }
  world.open = {"data_visibility", "logs", "analytics", "api_keys", "prompts", "guardrails", "integrations"};
}

}  // namespace tenancy::test
