// Module and extension are installed apart: packages replace the module for all databases at once, while each
// database's extension changes by ALTER EXTENSION, and sessions keep the module that they have loaded. What
// does not belong together is refused, since it could misread what the catalogs say.
#pragma once

namespace tenancy::pg {

/// Raises 55000 unless this module serves the version of the extension that the database has.
void require_served_version();

}  // namespace tenancy::pg
