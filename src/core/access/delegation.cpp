#include "core/access/delegation.hpp"

#include <algorithm>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

void add_missing(Shortfall &lacking, const Rights &held, const Rights &given,
                 const PermissionSet &not_needed = {}) {
  PermissionSet missing = held.missing_of(given);
  missing -= not_needed;
  lacking.permissions |= missing;
}

}  // namespace

Shortfall shortfall(const Access &held, const Access &given, const PermissionSet &with_standing) {
  Shortfall lacking;
  if (held.organization() != given.organization()) {
    lacking.permissions = PermissionSet::of_all();
    lacking.reach = lacking.standing = true;
    return lacking;
  }
  const auto standing = [&](const Uuid &workspace, bool is_given) {
    return is_given && held.is_above_settings(workspace) ? with_standing : PermissionSet{};
  };
  const PermissionSet everywhere = standing({}, given.is_above_settings({}));
  add_missing(lacking, held.on_organization(), given.on_organization(), everywhere);
  add_missing(lacking, held.on_unassigned(), given.on_unassigned(), everywhere);
  if (given.reaches_every_workspace()) {
    lacking.reach = !held.reaches_every_workspace();
    add_missing(lacking, held.reaches_every_workspace() ? held.elsewhere() : no_rights, given.elsewhere(),
                everywhere);
    // Where one access has less than elsewhere, the other must have less as well.
    for (const auto &entry : held.entries())
      add_missing(lacking, held.rights_of(entry), given.in_workspace(entry.workspace),
                  standing(entry.workspace, given.is_above_settings(entry.workspace)));
  }
  lacking.standing = given.is_above_settings({}) && !held.is_above_settings({});
  for (const auto &entry : given.entries()) {
    add_missing(lacking, held.in_workspace(entry.workspace), given.rights_of(entry),
                standing(entry.workspace, entry.above_settings));
    if (entry.above_settings && !held.is_above_settings(entry.workspace)) lacking.standing = true;
  }
  return lacking;
}

Shortfall shortfall_of_key(const Access &held, const KeyFacts &key, KeyFor whom, const UserFacts *user) {
  KeyFacts handed = key;
  if (key.classes != nullptr) handed.scopes -= key.classes->key_borne;
  if (key.kind == KeyKind::organization_service_key) return shortfall(held, Access::of_key(handed, nullptr));

  Shortfall lacking;
  if (held.organization() != key.organization) return shortfall(held, Access::of_key(handed, nullptr));
  const Rights &here = held.in_workspace(key.workspace);
  lacking.permissions = handed.scopes;
  lacking.permissions -= here.all;
  lacking.permissions -= held.on_organization_itself().all;
  if (whom == KeyFor::maker) lacking.permissions -= here.own;
  if (whom == KeyFor::somebody_else && user != nullptr) {
    const Access users = Access::of_user(*user);
    const Rights &there = users.in_workspace(key.workspace);
    PermissionSet everything = there.all;
    everything |= there.own;
    const bool is_above = users.is_above_settings(key.workspace);
    lacking.standing = is_above && !held.is_above_settings(key.workspace);
    // The key has them only by scopes that name them.
    if (is_above && key.classes != nullptr) everything -= key.classes->off_by_default;
    add_missing(lacking, here, {everything, {}});
  }
  return lacking;
}

Shortfall shortfall_of_invitation(const Access &inviter, const Access &offered,
                                  const PermissionSet &making_members, const Uuid &workspace,
                                  const PermissionSet &with_standing) {
  Shortfall lacking = shortfall(inviter, offered, with_standing);
  PermissionSet missing = making_members;
  missing -= inviter.on_organization_itself().all;
  missing -= (workspace ? inviter.in_workspace(workspace) : inviter.on_organization()).all;
  lacking.permissions |= missing;
  return lacking;
}

Shortfall shortfall_of_identity(const Access &held, const Access &users, const PermissionSet &linking,
                                const PermissionSet &with_standing) {
  Shortfall lacking = shortfall(held, users.over_all_rows(), with_standing);
  PermissionSet missing = linking;
  missing -= held.on_organization_itself().all;
  missing -= held.on_organization().all;
  lacking.permissions |= missing;
  return lacking;
}

}  // namespace tenancy
