// Delegation: a right can be given only by its holders. A role, a grant, a tenant setting, a key and the keys
// of tokens are judged by the access that they can confer, and by this alone.
#pragma once

#include "core/access/access.hpp"

namespace tenancy {

/// The rights that are missing for a delegation; empty if it is allowed.
struct Shortfall {
  PermissionSet permissions;  // not held where they would count, or over fewer rows
  bool reach = false;         // every workspace, those still to be made included
  bool standing = false;      // the delegated rights are above settings

  bool any() const noexcept { return reach || standing || !permissions.empty(); }
};

/// RETURNS the rights that the holder of one access lacks in order to give or take the other. Own rows are
/// the recipient's. `with_standing`: permissions that come with being above settings where that is given, and
/// that whoever is above settings there need not hold: those that are off by default, for a role. A key with
/// every scope makes owners and admins, though it lacks these.
Shortfall shortfall(const Access &held, const Access &given, const PermissionSet &with_standing = {});

/// The user of a new key. The maker of another user's key has its secret, and with it acts as that user.
enum class KeyFor : std::uint8_t { nobody, maker, somebody_else };

/// RETURNS the rights that are missing to make a key, to have its secret, or to change its scopes: each of
/// its scopes, except those that every key may have, and for another user's key all rights of this user in
/// its workspace, over all rows, since the user's own rows are not the maker's.
Shortfall shortfall_of_key(const Access &held, const KeyFacts &key, KeyFor whom, const UserFacts *user);

/// RETURNS the rights that the inviting user or key lacks, at acceptance, to give what the invitation offers:
/// the role on the organization (workspace nil) or in a workspace, and the permissions to add members there.
Shortfall shortfall_of_invitation(const Access &inviter, const Access &offered,
                                  const PermissionSet &making_members, const Uuid &workspace,
                                  const PermissionSet &with_standing = {});

/// RETURNS the rights that somebody lacks who lets a subject of an issuer act as the user: the permissions
/// needed for that, and all rights of the user over all rows, since the user's own rows are not those of
/// whoever else is behind the subject.
Shortfall shortfall_of_identity(const Access &held, const Access &users, const PermissionSet &linking,
                                const PermissionSet &with_standing = {});

}  // namespace tenancy
