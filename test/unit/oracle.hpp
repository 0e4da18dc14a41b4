// The access model, read as literally as possible: one permission in one place at a time, and slow. It
// shares nothing with the core. "Decision N" is one of docs/design/access-decisions.md.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "world.hpp"

namespace tenancy::test {

/// Where something may be done.
struct Place {
  enum Kind { organization, unassigned, workspace } kind;
  Uuid id;  // of a workspace
};

inline std::vector<Place> places(const World &world) {
  std::vector<Place> places = {{Place::organization, {}}, {Place::unassigned, {}}};
  for (const Uuid &id : world.workspaces) places.push_back({Place::workspace, id});
  return places;
}

/// Where the decisions leave it open, anything in between is right.
struct Answer {
  Rows least = Rows::none;
  Rows most = Rows::none;
};

class Oracle {
 public:
  explicit Oracle(const World &world) : world_(world) {}

  /// The rows of a place with which the principal may do this.
  Answer answer(const Place &place, const Permission &permission) const {
    // tenancy.workspace narrows everything (decision 3).
    if (world_.narrowed_to && (place.kind != Place::workspace || place.id != world_.narrowed_to)) return {};
    if (world_.key) return of_key(place, permission);
    const Rows rows = of_user(place, permission);
    return {rows, rows};
  }

  bool reaches_every_workspace() const {
    if (world_.narrowed_to) return false;
    if (world_.key) return world_.key->kind == KeyKind::organization_service_key;
    return user_reaches_every_workspace();
  }
  bool user_reaches_every_workspace() const {
    const auto held = world_.roles_of_organization();
    return std::any_of(held.begin(), held.end(), [](const Role *role) { return role->all_workspaces; });
  }

  /// Whether no setting restricts the principal in a place: owners, admins and organization service keys, and
  /// a workspace's admins there (decision 17).
  bool is_above_settings(const Place &place) const {
    if (world_.narrowed_to && (place.kind != Place::workspace || place.id != world_.narrowed_to))
      return false;
    if (!world_.key) return user_is_above_settings(place);
    if (world_.key->kind == KeyKind::organization_service_key) return true;
    return world_.key->kind == KeyKind::workspace_user_key && !world_.user_is_gone &&
           place.kind == Place::workspace && place.id == world_.key->workspace &&
           user_is_above_settings(place);
  }
  bool user_is_above_settings(const Place &place) const {
    for (const Role *role : world_.roles_of_organization())
      if (is_head(*role)) return true;
    if (place.kind == Place::workspace)
      for (const Role *role : world_.roles_in(place.id))
        if (role->id == workspace_admin_role) return true;
    return false;
  }

  // Decision 1, and section 10: of the roles that hold it, own and groups', the one that shows most.
  Rows of_user(const Place &place, const Permission &permission) const {
    // Section 11: what is of the organization's level is in no workspace, and decides over none of its rows.
    if (place.kind != Place::organization && is_of_organization(permission)) return Rows::none;
    Rows most = Rows::none;
    for (const Role *role : world_.roles_of_organization())
      most = std::max(most, by_organization_role(*role, place, permission));
    if (place.kind == Place::workspace)
      for (const Role *role : world_.roles_in(place.id))
        most = std::max(most, by_workspace_role(*role, place.id, permission));
    return most;
  }

 private:
  static bool is_head(const Role &role) {
    return role.id == organization_owner_role || role.id == organization_admin_role;
  }

  Rows by_organization_role(const Role &role, const Place &place, const Permission &permission) const {
    if (!holds(role, place.id, permission)) return Rows::none;
    switch (place.kind) {
      case Place::organization:  // decision 3
        return role.all_workspaces || !is_governed(permission) ||
                       switched(workspace_member_role, {}).value_or(true)
                   ? Rows::all
                   : Rows::own;
      case Place::unassigned:  // decision 2: owners and admins only
        return is_head(role) ? Rows::all : Rows::none;
      case Place::workspace:
        break;
    }
    return role.all_workspaces ? Rows::all : Rows::none;
  }

  Rows by_workspace_role(const Role &role, const Uuid &workspace, const Permission &permission) const {
    if (!holds(role, workspace, permission)) return Rows::none;
    // Section 4: what a member may do with API keys, it may do with its own.
    if (role.id == workspace_member_role && permission.resource == "api_keys") return Rows::own;
    // Section 3a: of all else but observability data, everything is seen.
    return !is_governed(permission) || shows_all(role.id, workspace) ? Rows::all : Rows::own;
  }

  // Section 5.
  Answer of_key(const Place &place, const Permission &permission) const {
    const KeyFacts &key = *world_.key;
    if (!key.scopes.contains(permission.id)) return {};
    if (place.kind != Place::organization && is_of_organization(permission)) return {};
    if (key.kind == KeyKind::organization_service_key) return {Rows::all, Rows::all};
    if (place.kind != Place::workspace || place.id != key.workspace) return {};
    if (key.kind == KeyKind::workspace_service_key) return {Rows::all, Rows::all};

    if (world_.user_is_gone) return {};
    const bool manages_keys =
        permission.resource == "api_keys" && permission.action != "list" && permission.action != "view";
    if (manages_keys) return {};
    const Rows users = of_user(place, permission);
    // Decision 6: by the scope alone, whatever role the user has there. It doesn't say of how many rows.
    const bool is_what_keys_are_for = permission == logs_write || permission == completions_write;
    const bool has_role = !world_.roles_in(place.id).empty() || user_reaches_every_workspace();
    if (is_what_keys_are_for && has_role) return {std::max(users, Rows::own), Rows::all};
    return {users, users};
  }

  // Decision 5: a workspace's row, else the organization's, else what the role is born with.
  bool holds(const Role &role, const Uuid &workspace, const Permission &permission) const {
    for (const Uuid &where : {workspace, Uuid{}})
      for (const GrantRow &row : world_.grants)
        if (row.role == role.id && row.workspace == where && row.permission == permission && counts(row))
          return row.allowed;
    return role.granted.contains(permission.id);
  }

  static bool is_of_organization(const Permission &permission) {
    return permission.resource == "organization" || permission.resource == "billing" ||
           permission.resource == "audit_logs";
  }

  // Decision 4.
  bool counts(const GrantRow &row) const {
    if (row.role == organization_owner_role || row.role == workspace_admin_role) return false;
    if (row.role == organization_admin_role && row.permission != logs_view && row.permission != logs_list)
      return false;
    // Section 12: a workspace takes nothing from the organization's roles.
    if (row.workspace && world_.is_of_organization(row.role) && !row.allowed) return false;
    return !row.workspace || world_.is_open(row.permission.resource);
  }

  // Decision 5, of workspace roles. Workspace admins are above visibility (section 4).
  bool shows_all(const Uuid &role, const Uuid &workspace) const {
    if (role == workspace_admin_role) return true;
    const bool is_custom = role == editor_role || role == reviewer_role;
    std::optional<bool> all = switched(role, workspace);
    if (!all) all = switched(role, {});
    if (!all && is_custom) all = switched(workspace_member_role, workspace);
    if (!all && is_custom) all = switched(workspace_member_role, {});
    return all.value_or(true);
  }

  std::optional<bool> switched(const Uuid &role, const Uuid &workspace) const {
    for (const VisibilitySwitch &row : world_.switches)
      if (row.role == role && row.workspace == workspace && (!workspace || world_.is_open("data_visibility")))
        return row.all_rows;
    return std::nullopt;
  }

  const World &world_;
};

}  // namespace tenancy::test
