#include "pg/server/uuid_datum.hpp"

#include <algorithm>

namespace tenancy::pg {

Datum uuid_datum(const Uuid &id) {
  auto *value = static_cast<pg_uuid_t *>(palloc(sizeof(pg_uuid_t)));
  std::copy(id.bytes.begin(), id.bytes.end(), value->data);
  return UUIDPGetDatum(value);
}

Uuid uuid_of_datum(Datum datum) {
  Uuid id;
  std::copy_n(DatumGetUUIDP(datum)->data, id.bytes.size(), id.bytes.begin());
  return id;
}

}  // namespace tenancy::pg
