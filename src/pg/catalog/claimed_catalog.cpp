#include "pg/catalog/claimed_catalog.hpp"

#include <algorithm>
#include <tuple>

namespace tenancy::pg {
namespace {

const ClaimedCatalog *(*find_catalog)() = nullptr;

}  // namespace

bool is_principal_claimed = false;

void find_claimed_catalog_by(const ClaimedCatalog *(*find)()) { find_catalog = find; }

const ClaimedCatalog *claimed_catalog() {
  return likely(!is_principal_claimed) || find_catalog == nullptr ? nullptr : find_catalog();
}

const char *claimed_external_id(const ClaimedCatalog &claimed, Entity entity, const Uuid &id) {
  const auto sought = static_cast<uint8>(entity);
  const auto found = std::lower_bound(claimed.external_ids.begin(), claimed.external_ids.end(), id,
                                      [sought](const ClaimedExternalId &one, const Uuid &other) {
                                        return std::tie(one.entity, one.id) < std::tie(sought, other);
                                      });
  if (found == claimed.external_ids.end() || found->entity != sought || found->id != id) return nullptr;
  return pnstrdup(found->external_id.data(), found->external_id.size());
}

}  // namespace tenancy::pg
