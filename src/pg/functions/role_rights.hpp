// The rights of each role of an organization, computed by the core: for answers about other principals than
// the session's.
#pragma once

#include "core/access/access.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// A role, and the access of a user with this role only: an organization role as such, a workspace role in
/// every workspace.
struct RoleRights {
  Uuid id;
  const char *level;
  const char *name;
  bool built_in;
  UserFacts facts;
  const Access *access;
};

/// The built-in roles and the organization's own, in the current memory context.
PodArray<RoleRights> read_role_rights(const CatalogRead &read, const Uuid &organization,
                                      std::span<const Uuid> workspaces);
const RoleRights *find_role_rights(const PodArray<RoleRights> &roles, const Uuid &id);

}  // namespace tenancy::pg
