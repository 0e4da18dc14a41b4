#include "core/access/access.hpp"

#include <algorithm>
#include <tuple>

namespace tenancy {
namespace {

Rights merged(Rights one, const Rights &other) noexcept {
  one.all |= other.all;
  one.own |= other.own;
  one.own -= one.all;
  return one;
}

}  // namespace

// Works out rights role by role. A workspace without overrides of its own has the rights that its role has in
// the whole organization, so these are worked out once and shared.
class AccessBuilder {
 public:
  AccessBuilder(Access &access, const UserFacts &user)
      : access_(access),
        user_(user),
        memberships_(user.memberships.begin(), user.memberships.end()),
        overrides_(user.overrides.begin(), user.overrides.end()),
        switches_(user.visibility.begin(), user.visibility.end()) {
    std::sort(memberships_.begin(), memberships_.end(), by_workspace);
    std::sort(overrides_.begin(), overrides_.end(), by_role_and_workspace<GrantOverride>);
    std::sort(switches_.begin(), switches_.end(), by_role_and_workspace<VisibilitySwitch>);
  }

  void build() {
    access_.organization_ = user_.organization;
    const Role *role = role_with(user_.organization_role);
    if (role != nullptr) add_organization_role(*role);

    const std::vector<Uuid> touched = workspaces_with_overrides();
    for (const auto &membership : memberships_) {
      if (const Role *workspace_role = role_with(membership.role)) {
        const bool own_overrides = std::binary_search(touched.begin(), touched.end(), membership.workspace);
        add_entry(membership.workspace, own_overrides ? rights_in(*workspace_role, membership.workspace)
                                                      : usual_rights(*workspace_role));
      }
    }
    // An organization role that reaches every workspace can be overridden in one where the user has no
    // membership.
    if (access_.elsewhere_) {
      for (const Uuid &workspace : touched) {
        const bool is_member = std::binary_search(memberships_.begin(), memberships_.end(),
                                                  WorkspaceMembership{workspace, {}}, by_workspace);
        if (!is_member) add_entry(workspace, Rights{});
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

  void add_organization_role(const Role &role) {
    organization_role_ = &role;
    const PermissionSet granted = granted_in(role, Uuid{});
    const bool all_rows = role.all_workspaces || sees_all(workspace_member_role, Uuid{});
    (all_rows ? access_.on_organization_.all : access_.on_organization_.own) = granted;
    if (role.id == organization_owner_role || role.id == organization_admin_role)
      access_.on_unassigned_.all = granted;
    if (role.all_workspaces) access_.elsewhere_ = share(Rights{granted, {}});
  }

  void add_entry(const Uuid &workspace, const Rights &by_workspace_role) {
    Rights rights = by_workspace_role;
    if (access_.elsewhere_) rights = merged(rights, Rights{granted_in(*organization_role_, workspace), {}});
    access_.entries_.push_back({workspace, share(rights)});
  }

  std::uint32_t share(const Rights &rights) {
    auto &shared = access_.shared_;
    const auto found = std::find(shared.begin(), shared.end(), rights);
    if (found != shared.end()) return static_cast<std::uint32_t>(found - shared.begin());
    shared.push_back(rights);
    return static_cast<std::uint32_t>(shared.size() - 1);
  }

  const Rights &usual_rights(const Role &role) {
    const auto found =
        std::find_if(usual_.begin(), usual_.end(), [&](const Usual &u) { return u.role == role.id; });
    if (found != usual_.end()) return found->rights;
    usual_.push_back({role.id, rights_in(role, Uuid{})});
    return usual_.back().rights;
  }

  Rights rights_in(const Role &role, const Uuid &workspace) const {
    const PermissionSet granted = granted_in(role, workspace);
    const bool all_rows = role.id == workspace_admin_role || sees_all(role.id, workspace);
    Rights rights = all_rows ? Rights{granted, {}} : Rights{{}, granted};
    if (role.id == workspace_member_role) {
      PermissionSet own_only = granted;
      own_only &= user_.own_only_for_members;
      rights.all -= own_only;
      rights.own |= own_only;
    }
    return rights;
  }

  // Born with, then the organization's rows, then the workspace's.
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

  // A custom role without a switch of its own follows the role member.
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
  std::vector<WorkspaceMembership> memberships_;
  std::vector<GrantOverride> overrides_;
  std::vector<VisibilitySwitch> switches_;
  const Role *organization_role_ = nullptr;
  std::vector<Usual> usual_;
};

Access Access::of_user(const UserFacts &user) {
  Access access;
  AccessBuilder(access, user).build();
  return access;
}

Access Access::of_key(const KeyFacts &key, const UserFacts *user) {
  Access access;
  access.organization_ = key.organization;
  switch (key.kind) {
    case KeyKind::organization_service_key:
      access.on_organization_.all = key.scopes;
      access.on_unassigned_.all = key.scopes;
      access.shared_.push_back({key.scopes, {}});
      access.elsewhere_ = 0;
      break;
    case KeyKind::workspace_service_key:
      access.shared_.push_back({key.scopes, {}});
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
      // By the scope alone: what the key itself writes.
      rights.own |= key.key_borne;
      rights.own -= rights.all;
      rights.all &= key.scopes;
      rights.own &= key.scopes;
      rights.all -= key.not_by_user;
      rights.own -= key.not_by_user;
      access.shared_.push_back(rights);
      access.entries_.push_back({key.workspace, 0});
      break;
    }
  }
  return access;
}

Access Access::narrowed_to(const Uuid &workspace) const {
  Access access;
  access.organization_ = organization_;
  const Rights &rights = in_workspace(workspace);
  if (!rights.empty()) {
    access.shared_.push_back(rights);
    access.entries_.push_back({workspace, 0});
  }
  return access;
}

const Rights &Access::in_workspace(const Uuid &workspace) const noexcept {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), workspace,
                       [](const Entry &entry, const Uuid &id) { return entry.workspace < id; });
  if (found != entries_.end() && found->workspace == workspace) return shared_[found->rights];
  return elsewhere_ ? shared_[*elsewhere_] : no_rights;
}

bool Access::covers(const Access &other) const noexcept {
  if (organization_ != other.organization_ || !on_organization_.covers(other.on_organization_) ||
      !on_unassigned_.covers(other.on_unassigned_))
    return false;
  if (other.elsewhere_) {
    if (!elsewhere_ || !elsewhere().covers(other.elsewhere())) return false;
    // Where this one has less than elsewhere, the other must, too.
    for (const Entry &entry : entries_)
      if (!rights_of(entry).covers(other.in_workspace(entry.workspace))) return false;
  }
  return std::all_of(other.entries_.begin(), other.entries_.end(), [&](const Entry &entry) {
    return in_workspace(entry.workspace).covers(other.rights_of(entry));
  });
}

Rows Access::anywhere(const PermissionSet &any_of) const noexcept {
  Rows most = on_organization_.rows(any_of);
  for (const Rights &rights : shared_) most = std::max(most, rights.rows(any_of));
  return most;
}

}  // namespace tenancy
