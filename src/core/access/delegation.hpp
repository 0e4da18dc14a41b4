// What somebody may hand out: nothing that they do not hold themselves. A role, a grant, a setting, a key,
// the keys of tokens: each is judged by the access that it can confer, and by this alone.
#pragma once

#include "core/access/access.hpp"

namespace tenancy {

/// What is lacking to hand something out; nothing where it may be.
struct Shortfall {
  PermissionSet permissions;  // not held where they would count, or over fewer rows
  bool reach = false;         // every workspace, those still to be made included
  bool standing = false;      // what is handed out is above settings

  bool any() const noexcept { return reach || standing || !permissions.empty(); }
};

/// What whoever holds the one access lacks to hand out, or take away, the other. Own rows are those of
/// whoever gets it.
Shortfall shortfall(const Access &held, const Access &given);

/// For whom a key is made. Whoever makes a key of somebody else's holds its secret, and with it is that user.
enum class KeyFor : std::uint8_t { nobody, maker, somebody_else };

/// What is lacking to make a key, to have its secret, or to change its scopes: each of its scopes, but for
/// what any key may write, and where it acts as somebody else all that this user has in its workspace, over
/// all rows, since the user's own are not the maker's.
Shortfall shortfall_of_key(const Access &held, const KeyFacts &key, KeyFor whom, const UserFacts *user);

}  // namespace tenancy
