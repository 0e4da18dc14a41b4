// Which tables hold values of a type.
#pragma once

#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// RETURNS the ordinary tables with a column that holds values of the type, also in arrays, domains, ranges,
/// other composite types and rows; each once.
PodArray<Oid> tables_with_type(Oid type);

}  // namespace tenancy::pg
