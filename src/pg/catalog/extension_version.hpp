// Module and extension are installed separately: packages replace the module for all databases at once,
// while each database's extension changes with ALTER EXTENSION, and sessions keep the module that they have
// loaded. Mismatches are refused, since the module could misread the catalogs.
#pragma once

namespace tenancy::pg {

/// Raises 55000 unless this module serves the database's version of the extension.
void require_served_version();

}  // namespace tenancy::pg
