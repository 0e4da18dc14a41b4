// References: a uuid, an external id, a slug or an e-mail address, as people write them in settings and
// arguments.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// What a reference to several is.
enum class Ambiguous { is_error, is_none };

/// The entity that the text refers to; nil when there is none. Raises 22023 when it refers to several, or is
/// too long to be a reference, unless that is to be none.
Uuid find_organization(const CatalogRead &read, const char *reference,
                       Ambiguous ambiguous = Ambiguous::is_error);
/// Whether it refers to this organization. Says the same of a reference to another one and of one to none.
bool names_organization(const CatalogRead &read, const char *reference, const Uuid &organization);
/// `members_of` not nil: among the members of this organization.
Uuid find_user(const CatalogRead &read, const char *reference, const Uuid &members_of = {});
/// `organization` nil: in any organization. "organization/workspace" names both, and then must agree with it.
Uuid find_workspace(const CatalogRead &read, const char *reference, const Uuid &organization,
                    Ambiguous ambiguous = Ambiguous::is_error);

}  // namespace tenancy::pg
