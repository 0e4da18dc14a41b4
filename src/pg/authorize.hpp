// authorize(): the same rights that decide rows, asked for one permission.
#pragma once

#include "pg/principal.hpp"

namespace tenancy::pg {

/// The permission as a set of one. Raises 22023 when it isn't registered.
PermissionSet authorized_by(const char *resource, const char *action);

}  // namespace tenancy::pg
