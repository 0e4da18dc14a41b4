// Which tables hold values of a type, or use it.
#pragma once

#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// RETURNS the ordinary tables with a column that holds values of the type, also in arrays, domains, ranges,
/// other composite types and rows; each once.
PodArray<Oid> tables_with_type(Oid type);

/// RETURNS these, partitioned tables that may have such partitions, and tables whose expressions have the
/// type: generated columns, defaults, checks, indexes, policies, conditions of triggers. What the type's
/// owner makes of it runs there as whoever uses the table, and is shown the values.
PodArray<Oid> tables_that_use(Oid type);

}  // namespace tenancy::pg
