// The user whom an application names by tenancy.user.
#pragma once

#include "pg/catalog/reference.hpp"

namespace tenancy::pg {

/// RETURNS the user; nil for none. Where tenancy.organization is set, too, a member has the external id that
/// it has there.
UserFound find_user_of_setting(const CatalogRead &read);

}  // namespace tenancy::pg
