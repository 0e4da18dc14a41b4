// References: a uuid, an external id, a slug or an e-mail address, as people write them in settings and
// arguments.
#pragma once

#include "pg/catalog.hpp"

namespace tenancy::pg {

/// The entity that the text refers to; nil when there is none. Raises 22023 when it refers to several.
Uuid find_organization(const CatalogRead &read, const char *reference);
Uuid find_user(const CatalogRead &read, const char *reference);
/// `organization` nil: in any organization. "organization/workspace" names both, and then must agree with it.
Uuid find_workspace(const CatalogRead &read, const char *reference, const Uuid &organization);

}  // namespace tenancy::pg
