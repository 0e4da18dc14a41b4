#include "pg/session/administrator.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {

bool is_administrator() {
  if (is_simulation()) return false;
  const Oid marker = find_marker("administrator");
  // Until the extension is updated from 1.0, whose functions are SECURITY DEFINER.
  if (!OidIsValid(marker))
    return pg_class_aclcheck(catalog_relation(CatalogIndex::organizations_pkey), GetOuterUserId(),
                             ACL_INSERT) == ACLCHECK_OK;
  return holds_marker(calling_role(), marker);
}

}  // namespace tenancy::pg
