// The trigger that sends notifications about changes of the catalogs.
#pragma once

namespace tenancy::pg {

/// REQUIRES: register_invalidation() has been called, whose callback has to run after this one's.
void register_catalog_changes();

}  // namespace tenancy::pg
