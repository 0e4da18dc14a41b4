// Access: everything a principal may do, computed from the facts about one user or key in one organization.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/access/model.hpp"

namespace tenancy {

/// The rows that a permission reaches.
enum class Rows : std::uint8_t { none, own, all };

/// Permissions with the rows they reach. The two sets are disjoint.
struct Rights {
  PermissionSet all;
  PermissionSet own;

  Rows rows(PermissionId permission) const noexcept {
    return all.contains(permission) ? Rows::all : own.contains(permission) ? Rows::own : Rows::none;
  }
  /// The most that any of these permissions reaches.
  Rows rows(const PermissionSet &any_of) const noexcept {
    return all.intersects(any_of) ? Rows::all : own.intersects(any_of) ? Rows::own : Rows::none;
  }
  bool empty() const noexcept { return all.empty() && own.empty(); }
  /// Permissions that the other rights hold and these don't, or hold over fewer rows.
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

/// The places where a delegated permission counts: the organization level and, in addition, rows without a
/// workspace, one workspace, or every present and future one.
struct Grantee {
  bool unassigned = false;
  bool every_workspace = false;
  Uuid workspace;  // nil for none
};
/// For an organization role, the places it reaches; for a workspace role, any workspace, since it can be
/// given in each. A workspace's own row about a role counts there only.
Grantee grantee_of_role(const Role &role, Level level, const Uuid &workspace) noexcept;

class Access {
 public:
  /// The access of an anonymous session: none.
  Access() = default;

  static Access of_user(const UserFacts &user);
  /// The rights of a user key also depend on its user's facts; without them (the user left, or is inactive)
  /// it has none.
  static Access of_key(const KeyFacts &key, const UserFacts *user);
  /// All rows of some permissions, wherever the grantee can have them.
  static Access of_grant(const Uuid &organization, const Grantee &grantee, const PermissionSet &permissions,
                         const PermissionClasses &classes);
  /// The same access within one workspace only: nothing outside of it, nothing on the organization level.
  Access narrowed_to(const Uuid &workspace) const;
  /// The same access as far as it is by these permissions. A part of a role isn't above settings.
  Access limited_to(const PermissionSet &permissions) const;
  /// The same permissions in the same places, over all rows.
  Access over_all_rows() const;

  const Uuid &organization() const noexcept { return organization_; }
  /// Rights on the organization level: on the organization itself, and on tables without a workspace
  /// column.
  const Rights &on_organization() const noexcept { return on_organization_; }
  /// Those of them on resources of the organization level. No other rights include any of these.
  const Rights &on_organization_itself() const noexcept { return on_organization_itself_; }
  /// Rights on rows whose workspace is NULL, in a table with a workspace column.
  const Rights &on_unassigned() const noexcept { return on_unassigned_; }
  /// Whether every workspace of the organization is reached, including those without an entry.
  bool reaches_every_workspace() const noexcept { return elsewhere_.has_value(); }
  /// Rights in a workspace. REQUIRES: if reaches_every_workspace(), a workspace of the organization.
  const Rights &in_workspace(const Uuid &workspace) const noexcept;
  /// The workspace, if exactly one is reached.
  std::optional<Uuid> only_workspace() const noexcept {
    if (elsewhere_ || entries_.size() != 1) return std::nullopt;
    return entries_.front().workspace;
  }
  /// Whether no workspace of the organization is an exception.
  bool reaches_every_workspace_alike() const noexcept { return elsewhere_ && entries_.empty(); }
  /// Whether no setting restricts the principal in a workspace, or (nil) anywhere: true for owners, admins
  /// and keys of the organization everywhere, for workspace admins in their workspace.
  bool is_above_settings(const Uuid &workspace) const noexcept;
  /// The most that any of these permissions reaches anywhere in the organization.
  Rows anywhere(const PermissionSet &any_of) const noexcept;
  /// The decision of authorize(): in a workspace, or (nil) anywhere. Permissions on the organization level
  /// are held on it, whatever workspace is named.
  Rows authorized(const PermissionSet &any_of, const Uuid &workspace) const noexcept;

  struct Entry {
    Uuid workspace;
    std::uint32_t rights;  // index, see rights_of()
    bool above_settings = false;
    bool operator==(const Entry &) const = default;
  };
  /// Workspaces with rights of their own, ordered by id.
  std::span<const Entry> entries() const noexcept { return entries_; }
  const Rights &rights_of(const Entry &entry) const noexcept { return shared_[entry.rights]; }
  /// All of these, by Entry::rights: few, however many workspaces there are.
  std::span<const Rights> shared_rights() const noexcept { return shared_; }
  /// Rights in workspaces without an entry. REQUIRES: reaches_every_workspace().
  const Rights &elsewhere() const noexcept { return shared_[*elsewhere_]; }

  bool operator==(const Access &) const = default;

 private:
  friend class AccessBuilder;
  friend class AccessTransport;  // core/claims/claim.cpp

  Uuid organization_;
  Rights on_organization_;
  Rights on_organization_itself_;
  Rights on_unassigned_;
  std::vector<Rights> shared_;  // few: many workspaces share the same rights
  std::vector<Entry> entries_;
  std::optional<std::uint32_t> elsewhere_;
  bool above_settings_ = false;
};

/// Whether data visibility shows a workspace role all rows of a workspace; for the values of settings.
bool shows_all_rows(const UserFacts &facts, const Uuid &role, const Uuid &workspace);

/// The rows that a user key reaches with one permission in its scopes, from those its user reaches in the
/// key's workspace. The same rule as of_key(), for answers about many keys.
Rows rows_of_user_key(Rows users, bool user_has_role, PermissionId permission,
                      const PermissionClasses &classes) noexcept;
/// The rows that a service key reaches with one permission in its scopes; nil for no workspace, and for
/// anywhere.
Rows rows_of_service_key(const Uuid &workspace_of_key, PermissionId permission, const Uuid &workspace,
                         const PermissionClasses &classes) noexcept;

}  // namespace tenancy
