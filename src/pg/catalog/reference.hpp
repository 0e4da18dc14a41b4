// References: a uuid, an external id, a slug or an e-mail address, as in parameters and arguments.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// Treatment of a reference that matches several.
enum class Ambiguous { is_error, is_none };

/// RETURNS the entity that the text refers to; nil if there is none. Raises 22023 if it refers to several,
/// or is too long, unless ambiguous references count as none.
Uuid find_organization(const CatalogRead &read, const char *reference,
                       Ambiguous ambiguous = Ambiguous::is_error);
/// RETURNS whether it refers to this organization; false alike for another organization and for none. Raises
/// 22023 if it is too long, unless ambiguous references count as none.
bool names_organization(const CatalogRead &read, const char *reference, const Uuid &organization,
                        Ambiguous ambiguous = Ambiguous::is_error);
/// `members_of` not nil: among the members of this organization, with the external ids that they have there.
Uuid find_user(const CatalogRead &read, const char *reference, const Uuid &members_of = {});
/// The same with the user's row; nil and false for none. Of all users.
struct UserFound {
  Uuid id;
  bool active;
};
UserFound find_user_row(const CatalogRead &read, const char *reference);
/// `organization` nil: in any organization. "organization/workspace" names both, and then must agree with it.
Uuid find_workspace(const CatalogRead &read, const char *reference, const Uuid &organization,
                    Ambiguous ambiguous = Ambiguous::is_error);

}  // namespace tenancy::pg
