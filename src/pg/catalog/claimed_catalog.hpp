// The statements of a claim of another node in place of the catalogs (see session/claims): on a node that has
// no catalogs of its own, it is all that there is.
#pragma once

#include <span>

#include "core/claims/claim.hpp"
#include "pg/catalog/entity_names.hpp"

namespace tenancy::pg {

struct ClaimedCatalog {
  PermissionSet registered;
  std::span<const ClaimedExternalId> external_ids;  // in the order of entities and ids
};

/// Whether the session's principal comes from a claim. For the assign hook of tenancy.claim alone.
extern bool is_principal_claimed;

/// `find` returns what the session's claim says, for immediate use. For the session's layer alone, which is
/// above this one.
void find_claimed_catalog_by(const ClaimedCatalog *(*find)());

/// RETURNS nullptr where the catalogs count.
const ClaimedCatalog *claimed_catalog();

/// RETURNS the claimed external id of an entity, or nullptr, in the current memory context.
const char *claimed_external_id(const ClaimedCatalog &claimed, Entity entity, const Uuid &id);

}  // namespace tenancy::pg
