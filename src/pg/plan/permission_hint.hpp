// The hint of require(), for errors of refused rows: it names what would give the session a permission.
#pragma once

#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// RETURNS the hint that require() gives for an action in a workspace, on the organization (nil), or
/// anywhere: roles, a scope, a setting. `otherwise` where nothing says so: no action, a node that knows
/// principals by claims, a version of the extension without the function.
const char *permission_hint(const Principal &principal, const char *resource, const char *action,
                            const Uuid &workspace, bool anywhere, const char *otherwise);

}  // namespace tenancy::pg
