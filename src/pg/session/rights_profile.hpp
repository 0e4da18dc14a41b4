// Rights profiles: a principal's rights without its ids. One plan can serve all principals of one rights
// profile.
#pragma once

#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// RETURNS whether plans can be shared with principals of the same rights profile: one whose rights have no
/// end, and are confined to one workspace, or are the same in every workspace of its organization.
bool has_rights_profile(const Principal &principal);

/// RETURNS a digest of the rights and of which ids there are, not of the ids' values: equal for two
/// principals exactly when the same plans serve both, and the same in a parallel worker. CACHES: the last
/// ones. REQUIRES: has_rights_profile().
Uuid rights_profile_of(const Principal &principal);

}  // namespace tenancy::pg
