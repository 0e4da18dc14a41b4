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
  /// Whether whoever has these has at least the others: what can be handed out.
  bool covers(const Rights &other) const noexcept {
    PermissionSet missing_all = other.all, missing_own = other.own;
    missing_all -= all;
    missing_own -= all;
    missing_own -= own;
    return missing_all.empty() && missing_own.empty();
  }
  bool operator==(const Rights &) const = default;
};
inline constexpr Rights no_rights{};

class Access {
 public:
  /// Nobody.
  Access() = default;

  static Access of_user(const UserFacts &user);
  /// A user key also needs its user's facts; without them (the user left, or is inactive) it may do nothing.
  static Access of_key(const KeyFacts &key, const UserFacts *user);
  /// The same principal confined to one workspace: nothing outside it, nothing on the organization level.
  Access narrowed_to(const Uuid &workspace) const;

  const Uuid &organization() const noexcept { return organization_; }
  /// Rights on the organization itself and on tables that know no workspaces.
  const Rights &on_organization() const noexcept { return on_organization_; }
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
  /// Whether the principal has everywhere at least what the other has there.
  bool covers(const Access &other) const noexcept;
  /// The most that any of the permissions gives anywhere in the organization.
  Rows anywhere(const PermissionSet &any_of) const noexcept;

  struct Entry {
    Uuid workspace;
    std::uint32_t rights;  // index, see rights_of()
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
  Rights on_unassigned_;
  std::vector<Rights> shared_;  // few: many workspaces share the same rights
  std::vector<Entry> entries_;
  std::optional<std::uint32_t> elsewhere_;
};

}  // namespace tenancy
