// Numbers for permissions, given by each backend as it meets them; they mean nothing outside it.
#pragma once

#include <span>

#include "core/access/vocabulary.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// Length of a resource's or action's name with its terminator; the catalog refuses longer ones.
inline constexpr int permission_name_length = 64;

/// Takes back the numbers of permissions that the catalogs may no longer name, together with all that this
/// process keeps by number. To be called at the start of a function, while neither a number, a set nor a
/// principal is in use.
void give_back_numbers();
/// Changes whenever numbers were given back, which invalidates tokens of the catalogs, too: to be compared by
/// what keeps a set and no token.
uint64 permission_numbering();

/// The number of a permission that a catalog row names. Raises 54000 when there are more than
/// max_permissions.
PermissionId permission_id(const char *resource, const char *action);
PermissionId permission_of(const CatalogScan &scan, HeapTuple tuple, AttrNumber resource, AttrNumber action);

/// What the access model says of each permission that has a number.
const PermissionClasses &permission_classes();

/// The registered permissions: all of them, and those of which data visibility decides nothing. Reads the
/// catalog once until that changes.
struct RegisteredPermissions {
  PermissionSet all;
  PermissionSet shared;
};
const RegisteredPermissions &registered_permissions(const CatalogRead &read);

/// Whether the permission is registered. Reads the catalog once until that changes.
bool is_registered(const char *resource, const char *action);

/// Raises 22023, naming the nearest registered ones, unless the permission is registered.
void require_registered(const char *resource, const char *action);
/// The same for a resource.
void require_registered_resource(const char *resource);

/// The permission as a set of one. Raises 22023 when it isn't registered.
PermissionSet registered_permission(const char *resource, const char *action);

/// Every permission that this process has met, ordered by resource and action, in the current memory context.
struct NamedPermission {
  const char *resource;
  const char *action;
  PermissionId id;
};
std::span<const NamedPermission> permissions_by_name();

}  // namespace tenancy::pg
