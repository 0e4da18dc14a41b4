// What a principal may do: the outcome of the access model for one user or key in one organization.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/access/model.hpp"

namespace tenancy {

/// How much of the rows a permission reaches.
enum class Rows : std::uint8_t { none, own, all };

/// Permissions with the rows they reach. The two sets are disjoint.
struct Rights {
  PermissionSet all;
  PermissionSet own;

  Rows rows(PermissionId permission) const noexcept {
    return all.contains(permission) ? Rows::all : own.contains(permission) ? Rows::own : Rows::none;
  }
  /// The most that any of the permissions gives.
  Rows rows(const PermissionSet &any_of) const noexcept {
    return all.intersects(any_of) ? Rows::all : own.intersects(any_of) ? Rows::own : Rows::none;
  }
  bool empty() const noexcept { return all.empty() && own.empty(); }
  /// What the others have that these haven't, or have over fewer rows.
  PermissionSet missing_of(const Rights &other) const noexcept {
    PermissionSet missing = other.own;
    missing -= own;
    missing |= other.all;
    missing -= all;
    return missing;
  }
  Rights without(const PermissionSet &permissions) const noexcept {
    Rights rest = *this;
    rest.all -= permissions;
    rest.own -= permissions;
    return rest;
  }
  bool operator==(const Rights &) const = default;
};
inline constexpr Rights no_rights{};

/// Where a permission counts that is given to somebody: on the organization, and besides in rows without a
/// workspace, in one workspace, or in every one that there is and will be.
struct Grantee {
  bool unassigned = false;
  bool every_workspace = false;
  Uuid workspace;  // nil for none
};
/// An organization role, by what it reaches, or a workspace role, which anybody can have in any workspace; a
/// workspace's own row about either counts there alone.
Grantee grantee_of_role(const Role &role, Level level, const Uuid &workspace) noexcept;

class Access {
 public:
  /// Nobody.
  Access() = default;

  static Access of_user(const UserFacts &user);
  /// A user key also needs its user's facts; without them (the user left, or is inactive) it may do nothing.
  static Access of_key(const KeyFacts &key, const UserFacts *user);
  /// All rows of some permissions, wherever the grantee can have them.
  static Access of_grant(const Uuid &organization, const Grantee &grantee, const PermissionSet &permissions,
                         const PermissionClasses &classes);
  /// The same principal confined to one workspace: nothing outside it, nothing on the organization level.
  Access narrowed_to(const Uuid &workspace) const;

  const Uuid &organization() const noexcept { return organization_; }
  /// Rights on the organization itself and on tables that know no workspaces.
  const Rights &on_organization() const noexcept { return on_organization_; }
  /// Those of them that are about the organization itself. No other rights hold any of these.
  const Rights &on_organization_itself() const noexcept { return on_organization_itself_; }
  /// Rights on rows without a workspace in a table that has them otherwise.
  const Rights &on_unassigned() const noexcept { return on_unassigned_; }
  /// Whether every workspace of the organization is reached, those without an entry of their own included.
  bool reaches_every_workspace() const noexcept { return elsewhere_.has_value(); }
  /// Rights in a workspace. The workspace must be the organization's when reaches_every_workspace().
  const Rights &in_workspace(const Uuid &workspace) const noexcept;
  /// The one workspace that is reached at all; nothing where there are none or several.
  std::optional<Uuid> only_workspace() const noexcept {
    if (elsewhere_ || entries_.size() != 1) return std::nullopt;
    return entries_.front().workspace;
  }
  /// Whether no workspace of the organization is an exception.
  bool reaches_every_workspace_alike() const noexcept { return elsewhere_ && entries_.empty(); }
  /// Whether no setting restricts the principal in a workspace, or (nil) anywhere: owners, admins and keys of
  /// the organization everywhere, admins of a workspace there.
  bool is_above_settings(const Uuid &workspace) const noexcept;
  /// The most that any of the permissions gives anywhere in the organization.
  Rows anywhere(const PermissionSet &any_of) const noexcept;
  /// What authorize() says: in a workspace, or (nil) anywhere. What is about the organization itself is held
  /// on it, whatever workspace is named.
  Rows authorized(const PermissionSet &any_of, const Uuid &workspace) const noexcept;

  struct Entry {
    Uuid workspace;
    std::uint32_t rights;  // index, see rights_of()
    bool above_settings = false;
    bool operator==(const Entry &) const = default;
  };
  /// Workspaces with rights of their own, in order of their ids.
  std::span<const Entry> entries() const noexcept { return entries_; }
  const Rights &rights_of(const Entry &entry) const noexcept { return shared_[entry.rights]; }
  /// Rights in workspaces without an entry; only when reaches_every_workspace().
  const Rights &elsewhere() const noexcept { return shared_[*elsewhere_]; }

 private:
  friend class AccessBuilder;

  Uuid organization_;
  Rights on_organization_;
  Rights on_organization_itself_;
  Rights on_unassigned_;
  std::vector<Rights> shared_;  // few: many workspaces share the same rights
  std::vector<Entry> entries_;
  std::optional<std::uint32_t> elsewhere_;
  bool above_settings_ = false;
};

/// Whether data visibility lets a workspace role see all rows of a workspace, for settings' values.
bool shows_all_rows(const UserFacts &facts, const Uuid &role, const Uuid &workspace);

/// What a user key reaches of one permission that is in its scopes, from what its user reaches in its
/// workspace. The same rule as of_key(), for answers about many keys.
Rows rows_of_user_key(Rows users, bool user_has_role, PermissionId permission,
                      const PermissionClasses &classes) noexcept;
/// What a service key reaches of one permission that is in its scopes; nil for no workspace, and for
/// anywhere.
Rows rows_of_service_key(const Uuid &workspace_of_key, PermissionId permission, const Uuid &workspace,
                         const PermissionClasses &classes) noexcept;

}  // namespace tenancy
