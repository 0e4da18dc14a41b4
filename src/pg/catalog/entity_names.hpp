// Display names of organizations, workspaces, users and keys.
#pragma once

#include <span>

#include "pg/catalog/catalog_read.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

enum class Entity : int { organization, workspace, user, api_key };
/// RETURNS an entity's external id, slug or e-mail address; nullptr if it has none.
const char *read_external_id(const CatalogRead &read, Entity entity, const Uuid &id);
/// RETURNS those of several entities, in the order of the ids; entities without one are left out.
PodArray<const char *> read_external_ids(const CatalogRead &read, Entity entity, std::span<const Uuid> ids);
const char *read_display_name(const CatalogRead &read, Entity entity, const Uuid &id);
const char *read_group_name(const CatalogRead &read, const Uuid &id);

}  // namespace tenancy::pg
