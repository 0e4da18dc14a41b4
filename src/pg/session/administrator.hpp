// Administrators of the extension: DBAs.
#pragma once

namespace tenancy::pg {

/// RETURNS whether the calling role (caller.hpp) is a DBA. An administrator holds USAGE on the domain
/// tenancy.administrator, which no predefined role and no GRANT ON ALL ... IN SCHEMA includes. A simulated
/// query runs as another user, so it has no administrator.
bool is_administrator();

}  // namespace tenancy::pg
