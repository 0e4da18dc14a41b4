// Reads the facts about users and roles from the catalogs. Decides nothing: the core computes access from
// them.
#pragma once

#include "core/access/model.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// A user's facts in one organization, in the current memory context.
struct UserFactsRead {
  bool is_member;  // of the organization; otherwise the facts are empty
  UserFacts facts;
};
UserFactsRead read_user_facts(const CatalogRead &read, const Uuid &organization, const Uuid &user);
/// The same of a member whose role in the organization is known. `only`: the workspace whose membership
/// counts; nil for all.
UserFacts read_member_facts(const CatalogRead &read, const Uuid &organization, const Uuid &organization_role,
                            const Uuid &user, const Uuid &only = {});
/// RETURNS the member's role in the organization; nil if the user is none.
Uuid read_organization_role(const CatalogRead &read, const Uuid &organization, const Uuid &user);

/// The facts of a hypothetical user with these roles only; nil for no organization role.
UserFacts read_role_facts(const CatalogRead &read, const Uuid &organization, const Uuid &organization_role,
                          std::span<const WorkspaceMembership> memberships);

struct UserRead {
  bool exists;
  bool active;
};
UserRead read_user(const CatalogRead &read, const Uuid &user);

/// RETURN ids as spans over memory of the current context, sorted.
std::span<const Uuid> read_workspaces(const CatalogRead &read, const Uuid &organization);
std::span<const Uuid> read_keys_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user);

/// An organization that a user is a member of.
struct OrganizationMembership {
  Uuid organization;
  Uuid role;
};
/// RETURNS the user's, in the order of the organizations' ids, in memory of the current context.
std::span<const OrganizationMembership> read_organizations_of_user(const CatalogRead &read, const Uuid &user);

}  // namespace tenancy::pg
