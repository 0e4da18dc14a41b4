#include "core/access/access.hpp"

#include <algorithm>
#include <tuple>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr PermissionClasses no_classes{};

const PermissionClasses &classes_of(const PermissionClasses *classes) noexcept {
  return classes == nullptr ? no_classes : *classes;
}

Rights merged(Rights one, const Rights &other) noexcept {
  one.all |= other.all;
  one.own |= other.own;
  one.own -= one.all;
  return one;
}

// These see rows without a workspace, and no setting restricts them in any workspace.
bool is_head(const Uuid &role) noexcept {
  return role == organization_owner_role || role == organization_admin_role;
}

PermissionSet common(PermissionSet one, const PermissionSet &other) noexcept {
  one &= other;
  return one;
}

}  // namespace

// Computes rights role by role, and their union. Workspaces without overrides of their own share the rights
// that a role has in the whole organization, which are computed once.
class AccessBuilder {
 public:
  AccessBuilder(Access &access, const UserFacts &user)
      : access_(access),
        user_(user),
        classes_(classes_of(user.classes)),
        memberships_(user.memberships.begin(), user.memberships.end()),
        overrides_(user.overrides.begin(), user.overrides.end()),
        switches_(user.visibility.begin(), user.visibility.end()) {
    std::sort(memberships_.begin(), memberships_.end(), by_workspace);
    std::sort(overrides_.begin(), overrides_.end(), by_role_and_workspace<GrantOverride>);
    std::sort(switches_.begin(), switches_.end(), by_role_and_workspace<VisibilitySwitch>);
  }

  static std::uint32_t share(Access &access, const Rights &rights) {
    auto &shared = access.shared_;
    const auto found = std::find(shared.begin(), shared.end(), rights);
    if (found != shared.end()) return static_cast<std::uint32_t>(found - shared.begin());
    shared.push_back(rights);
    return static_cast<std::uint32_t>(shared.size() - 1);
  }

  bool shows_all_rows(const Uuid &role, const Uuid &workspace) const {
    return is_above_visibility(role) || sees_all(role, workspace);
  }

  void build() {
    access_.organization_ = user_.organization;
    add_organization_role(user_.organization_role);
    for (const Uuid &role : user_.group_roles) add_organization_role(role);
    if (!reaching_.empty()) access_.elsewhere_ = share(rights_elsewhere_);

    const std::vector<Uuid> touched = workspaces_with_overrides();
    for (auto first = memberships_.begin(); first != memberships_.end();) {
      const auto last = std::upper_bound(first, memberships_.end(), *first, by_workspace);
      add_workspace_roles({first, last},
                          std::binary_search(touched.begin(), touched.end(), first->workspace));
      first = last;
    }
    // An organization role that reaches every workspace can be overridden in a workspace where the user is
    // no member.
    if (access_.elsewhere_) {
      for (const Uuid &workspace : touched) {
        const bool is_member = std::binary_search(memberships_.begin(), memberships_.end(),
                                                  WorkspaceMembership{workspace, {}}, by_workspace);
        if (!is_member) add_entry(workspace, Rights{}, false);
      }
      std::sort(access_.entries_.begin(), access_.entries_.end(), by_workspace_of_entry);
    }
  }

 private:
  static bool by_workspace(const WorkspaceMembership &a, const WorkspaceMembership &b) noexcept {
    return a.workspace < b.workspace;
  }
  static bool by_workspace_of_entry(const Access::Entry &a, const Access::Entry &b) noexcept {
    return a.workspace < b.workspace;
  }
  template <typename Row>
  static bool by_role_and_workspace(const Row &a, const Row &b) noexcept {
    return std::tie(a.role, a.workspace) < std::tie(b.role, b.workspace);
  }
  template <typename Row>
  static auto rows_of(const std::vector<Row> &rows, Uuid role, Uuid workspace) noexcept {
    Row key{};
    key.role = role;
    key.workspace = workspace;
    const auto [first, last] = std::equal_range(rows.begin(), rows.end(), key, by_role_and_workspace<Row>);
    return std::span<const Row>(first, last);
  }

  struct Usual {
    Uuid role;
    Rights rights;
  };

  const Role *role_with(const Uuid &id) const noexcept {
    const auto found =
        std::find_if(user_.roles.begin(), user_.roles.end(), [&](const Role &r) { return r.id == id; });
    return found == user_.roles.end() ? nullptr : &*found;
  }

  // Overrides and settings apply to each role before the union, which is of permissions with the rows that
  // they reach: a role that sees all rows widens no permission of another role.
  void add_organization_role(const Uuid &id) {
    const Role *found = role_with(id);
    if (found == nullptr) return;
    const Role &role = *found;
    const PermissionSet granted = granted_in(role, Uuid{});
    const bool all_rows = role.all_workspaces || sees_all(workspace_member_role, Uuid{});
    access_.on_organization_ = merged(access_.on_organization_, visible_rows(granted, all_rows));
    access_.on_organization_itself_ = {common(access_.on_organization_.all, classes_.organization_level),
                                       common(access_.on_organization_.own, classes_.organization_level)};
    if (is_head(role.id)) access_.on_unassigned_.all |= in_workspaces(granted);
    if (role.all_workspaces) {
      reaching_.push_back(found);
      rights_elsewhere_.all |= in_workspaces(granted);
    }
    access_.above_settings_ = access_.above_settings_ || is_head(role.id);
  }

  void add_workspace_roles(std::span<const WorkspaceMembership> memberships, bool has_overrides) {
    const Uuid workspace = memberships.front().workspace;
    Rights rights;
    bool has_role = false, above_settings = false;
    for (const auto &membership : memberships) {
      const Role *role = role_with(membership.role);
      if (role == nullptr) continue;
      has_role = true;
      above_settings = above_settings || role->id == workspace_admin_role;
      rights = merged(rights, has_overrides ? rights_in(*role, workspace) : usual_rights(*role));
    }
    if (has_role) add_entry(workspace, rights, above_settings);
  }

  void add_entry(const Uuid &workspace, const Rights &by_workspace_role, bool above_settings) {
    Rights rights = by_workspace_role;
    for (const Role *role : reaching_)
      rights = merged(rights, Rights{in_workspaces(granted_in(*role, workspace)), {}});
    access_.entries_.push_back({workspace, share(rights), above_settings || access_.above_settings_});
  }

  // Permissions on the organization level count in no workspace: removed here, for every reader.
  PermissionSet in_workspaces(PermissionSet granted) const {
    granted -= classes_.organization_level;
    return granted;
  }

  // Data visibility governs observability data only.
  Rights visible_rows(const PermissionSet &granted, bool all_rows) const {
    if (all_rows) return {granted, {}};
    Rights rights{common(granted, user_.shared), granted};
    rights.own -= rights.all;
    return rights;
  }

  std::uint32_t share(const Rights &rights) { return share(access_, rights); }

  const Rights &usual_rights(const Role &role) {
    const auto found =
        std::find_if(usual_.begin(), usual_.end(), [&](const Usual &u) { return u.role == role.id; });
    if (found != usual_.end()) return found->rights;
    usual_.push_back({role.id, rights_in(role, Uuid{})});
    return usual_.back().rights;
  }

  Rights rights_in(const Role &role, const Uuid &workspace) const {
    const bool all_rows = shows_all_rows(role.id, workspace);
    Rights rights = visible_rows(in_workspaces(granted_in(role, workspace)), all_rows);
    if (role.id == workspace_member_role) {
      const PermissionSet own_only = common(rights.all, classes_.own_only_for_members);
      rights.all -= own_only;
      rights.own |= own_only;
    }
    return rights;
  }

  // In this order: the role's own grants, the organization's rows, the workspace's rows.
  PermissionSet granted_in(const Role &role, const Uuid &workspace) const {
    PermissionSet granted = role.granted;
    const auto apply = [&](const Uuid &where) {
      for (const auto &row : rows_of(overrides_, role.id, where)) {
        if (!row.counts) continue;
        if (row.allowed)
          granted.add(row.permission);
        else
          granted.remove(row.permission);
      }
    };
    apply(Uuid{});
    if (workspace) apply(workspace);
    return granted;
  }

  std::optional<bool> own_switch(const Uuid &role, const Uuid &workspace) const {
    if (workspace && user_.open_to_workspaces.contains(Category::data_visibility))
      for (const auto &row : rows_of(switches_, role, workspace)) return row.all_rows;
    for (const auto &row : rows_of(switches_, role, Uuid{})) return row.all_rows;
    return std::nullopt;
  }

  // A custom role without its own switch follows the role member.
  bool sees_all(const Uuid &role, const Uuid &workspace) const {
    if (const auto own = own_switch(role, workspace)) return *own;
    if (role == workspace_manager_role || role == workspace_member_role) return true;
    return own_switch(workspace_member_role, workspace).value_or(true);
  }

  std::vector<Uuid> workspaces_with_overrides() const {
    std::vector<Uuid> touched;
    for (const auto &row : user_.overrides)
      if (row.counts && row.workspace) touched.push_back(row.workspace);
    if (user_.open_to_workspaces.contains(Category::data_visibility))
      for (const auto &row : user_.visibility)
        if (row.workspace) touched.push_back(row.workspace);
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    return touched;
  }

  Access &access_;
  const UserFacts &user_;
  const PermissionClasses &classes_;
  std::vector<WorkspaceMembership> memberships_;
  std::vector<GrantOverride> overrides_;
  std::vector<VisibilitySwitch> switches_;
  std::vector<const Role *> reaching_;  // organization roles that reach every workspace
  Rights rights_elsewhere_;
  std::vector<Usual> usual_;
};

bool shows_all_rows(const UserFacts &facts, const Uuid &role, const Uuid &workspace) {
  Access unused;
  return AccessBuilder(unused, facts).shows_all_rows(role, workspace);
}

Access Access::of_user(const UserFacts &user) {
  Access access;
  AccessBuilder(access, user).build();
  return access;
}

Grantee grantee_of_role(const Role &role, Level level, const Uuid &workspace) noexcept {
  if (workspace) return {false, false, workspace};
  return {is_head(role.id), level == Level::workspace || role.all_workspaces, {}};
}

Access Access::of_grant(const Uuid &organization, const Grantee &grantee, const PermissionSet &permissions,
                        const PermissionClasses &classes) {
  Access access;
  access.organization_ = organization;
  const PermissionSet itself = common(permissions, classes.organization_level);
  access.on_organization_itself_.all = itself;
  // A workspace's row does not affect the organization level.
  access.on_organization_.all = grantee.workspace ? itself : permissions;
  const Rights in_workspaces = Rights{permissions, {}}.without(classes.organization_level);
  if (in_workspaces.empty()) return access;
  access.shared_.push_back(in_workspaces);
  if (grantee.unassigned) access.on_unassigned_ = in_workspaces;
  if (grantee.every_workspace) access.elsewhere_ = 0;
  if (grantee.workspace) access.entries_.push_back({grantee.workspace, 0});
  return access;
}

Access Access::of_key(const KeyFacts &key, const UserFacts *user) {
  const PermissionClasses &classes = classes_of(key.classes);
  Access access;
  access.organization_ = key.organization;
  switch (key.kind) {
    case KeyKind::organization_service_key:
      access = of_grant(key.organization, {true, true, {}}, key.scopes, classes);
      if (!access.elsewhere_) access.elsewhere_ = AccessBuilder::share(access, no_rights);
      access.above_settings_ = true;
      break;
    case KeyKind::workspace_service_key:
      access.shared_.push_back(Rights{key.scopes, {}}.without(classes.organization_level));
      access.entries_.push_back({key.workspace, 0});
      break;
    case KeyKind::workspace_user_key: {
      if (user == nullptr) break;
      const Access users = Access::of_user(*user);
      const bool has_role = users.reaches_every_workspace() ||
                            std::any_of(users.entries_.begin(), users.entries_.end(),
                                        [&](const Entry &entry) { return entry.workspace == key.workspace; });
      if (!has_role) break;
      Rights rights = users.in_workspace(key.workspace);
      // By the scope alone: what every key may write.
      rights.own |= classes.key_borne;
      rights.own -= rights.all;
      rights.all &= key.scopes;
      rights.own &= key.scopes;
      access.shared_.push_back(rights.without(classes.never_a_user_keys));
      access.entries_.push_back({key.workspace, 0, users.is_above_settings(key.workspace)});
      break;
    }
  }
  return access;
}

Rows rows_of_user_key(Rows users, bool user_has_role, PermissionId permission,
                      const PermissionClasses &classes) noexcept {
  if (!user_has_role || classes.never_a_user_keys.contains(permission) ||
      classes.organization_level.contains(permission))
    return Rows::none;
  return classes.key_borne.contains(permission) ? std::max(users, Rows::own) : users;
}

Rows rows_of_service_key(const Uuid &workspace_of_key, PermissionId permission, const Uuid &workspace,
                         const PermissionClasses &classes) noexcept {
  if (!workspace_of_key) return Rows::all;
  const bool reaches =
      !classes.organization_level.contains(permission) && (!workspace || workspace == workspace_of_key);
  return reaches ? Rows::all : Rows::none;
}

Access Access::narrowed_to(const Uuid &workspace) const {
  Access access;
  access.organization_ = organization_;
  const Rights &rights = in_workspace(workspace);
  if (!rights.empty()) {
    access.shared_.push_back(rights);
    access.entries_.push_back({workspace, 0, is_above_settings(workspace)});
  }
  return access;
}

Access Access::limited_to(const PermissionSet &permissions) const {
  Access access = *this;
  const auto limit = [&](Rights &rights) {
    rights.all &= permissions;
    rights.own &= permissions;
  };
  limit(access.on_organization_);
  limit(access.on_organization_itself_);
  limit(access.on_unassigned_);
  for (Rights &rights : access.shared_) limit(rights);
  for (Entry &entry : access.entries_) entry.above_settings = false;
  access.above_settings_ = false;
  return access;
}

Access Access::over_all_rows() const {
  Access access = *this;
  const auto widen = [](Rights &rights) {
    rights.all |= rights.own;
    rights.own = {};
  };
  widen(access.on_organization_);
  widen(access.on_organization_itself_);
  widen(access.on_unassigned_);
  for (Rights &rights : access.shared_) widen(rights);
  return access;
}

const Rights &Access::in_workspace(const Uuid &workspace) const noexcept {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), workspace,
                       [](const Entry &entry, const Uuid &id) { return entry.workspace < id; });
  if (found != entries_.end() && found->workspace == workspace) return shared_[found->rights];
  return elsewhere_ ? shared_[*elsewhere_] : no_rights;
}

bool Access::is_above_settings(const Uuid &workspace) const noexcept {
  if (above_settings_ || !workspace) return above_settings_;
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry &entry) {
    return entry.workspace == workspace && entry.above_settings;
  });
}

Rows Access::anywhere(const PermissionSet &any_of) const noexcept {
  Rows most = on_organization_.rows(any_of);
  for (const Rights &rights : shared_) most = std::max(most, rights.rows(any_of));
  return most;
}

Rows Access::authorized(const PermissionSet &any_of, const Uuid &workspace) const noexcept {
  if (!workspace) return anywhere(any_of);
  return std::max(in_workspace(workspace).rows(any_of), on_organization_itself_.rows(any_of));
}

}  // namespace tenancy
