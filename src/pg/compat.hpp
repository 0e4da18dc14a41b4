// Every difference between the supported server versions (15 to 18).
#pragma once

#include "pg/pg_prelude.hpp"

#if PG_VERSION_NUM < 150000
#error "pg_tenancy needs PostgreSQL 15 or later"
#endif

namespace tenancy::pg {

inline bool is_deterministic_collation(Oid collation) {
  if (!OidIsValid(collation)) return true;
#if PG_VERSION_NUM >= 180000
  return pg_newlocale_from_collation(collation)->deterministic;
#else
  return get_collation_isdeterministic(collation);
#endif
}

}  // namespace tenancy::pg
