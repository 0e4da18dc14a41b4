// Display names of organizations, workspaces, users and keys.
#pragma once

#include <span>

#include "pg/catalog/catalog_read.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

enum class Entity : int { organization, workspace, user, api_key };
/// RETURNS an entity's external id; nullptr if it has none. A user's is the one that the organization has
/// given its member, or else the global one, as for a nil organization.
const char *read_external_id(const CatalogRead &read, Entity entity, const Uuid &id,
                             const Uuid &organization);
/// RETURNS the external id that an organization has given its member; nullptr for none.
const char *read_member_id(const CatalogRead &read, const Uuid &organization, const Uuid &user);
/// RETURNS those of several entities; entities without one are left out.
PodArray<const char *> read_external_ids(const CatalogRead &read, Entity entity, std::span<const Uuid> ids,
                                         const Uuid &organization);
/// RETURNS an entity's slug, e-mail address or name.
const char *read_display_name(const CatalogRead &read, Entity entity, const Uuid &id);
const char *read_group_name(const CatalogRead &read, const Uuid &id);

}  // namespace tenancy::pg
