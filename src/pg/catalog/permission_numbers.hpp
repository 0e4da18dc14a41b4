// Numbers for permissions, given by each backend at first use; they mean nothing outside of it.
#pragma once

#include <span>

#include "core/access/vocabulary.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// Length of a resource's or action's name with its terminator; the catalog refuses longer ones.
inline constexpr int permission_name_length = 64;

/// Takes back the numbers of permissions that the catalogs may no longer contain, together with all caches
/// of this process that use numbers. REQUIRES: called at the start of a function, while no number, set or
/// principal is in use.
void give_back_numbers();
/// Changes whenever numbers were given back, which also invalidates tokens of the catalogs. For caches of
/// sets without a token.
uint64 permission_numbering();

/// RETURNS the number of a permission in a catalog row. Raises 54000 for more than max_permissions.
PermissionId permission_id(const char *resource, const char *action);
/// The same for a row with a foreign key to the registered permissions: is_registered() needn't read these.
PermissionId permission_of(const CatalogRead &read, const CatalogScan &scan, HeapTuple tuple,
                           AttrNumber resource, AttrNumber action);
/// The same for the names in such a row.
PermissionId permission_in_catalog(const CatalogRead &read, const char *resource, const char *action);

/// RETURNS the model's classes of all permissions with a number.
const PermissionClasses &permission_classes();

/// The registered permissions: all of them, those of keys with every scope, and those not governed by data
/// visibility. CACHES: them, until the catalog changes.
struct RegisteredPermissions {
  PermissionSet all;
  PermissionSet every_scope;
  PermissionSet shared;
};
const RegisteredPermissions &registered_permissions(const CatalogRead &read);

/// RETURNS whether the permission is registered. CACHES: the catalog, until it changes.
bool is_registered(const char *resource, const char *action);

/// Raises 22023, naming the nearest registered ones, unless the permission is registered.
void require_registered(const char *resource, const char *action);
/// The same for a resource.
void require_registered_resource(const char *resource);

/// RETURNS the permission as a set of one. Raises 22023 if it isn't registered.
PermissionSet registered_permission(const char *resource, const char *action);

/// Every permission that this process has used, ordered by resource and action, in the current memory
/// context.
struct NamedPermission {
  const char *resource;
  const char *action;
  PermissionId id;
};
std::span<const NamedPermission> permissions_by_name();

}  // namespace tenancy::pg
