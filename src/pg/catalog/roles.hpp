// Roles, with their own grants before overrides.
#pragma once

#include <optional>

#include "core/access/model.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// RETURNS a role with its own grants; one that doesn't exist has none. CACHES: the built-in roles, until a
/// catalog changes.
Role read_role(const CatalogRead &read, const Uuid &id);
/// RETURNS a role's level; nothing if there is no such role.
std::optional<Level> read_role_level(const CatalogRead &read, const Uuid &role);

}  // namespace tenancy::pg
