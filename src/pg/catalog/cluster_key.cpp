#include "pg/catalog/cluster_key.hpp"

namespace tenancy::pg {
namespace {

ClusterKey key_in(const CatalogScan &scan, HeapTuple tuple) {
  ClusterKey key{};
  bool is_null = false;
  const bytea *secret = DatumGetByteaPP(column(scan, tuple, attribute::cluster_keys::secret, &is_null));
  if (is_null || VARSIZE_ANY_EXHDR(secret) != sizeof key.secret) return key;
  memcpy(key.secret, VARDATA_ANY(secret), sizeof key.secret);
  key.id = DatumGetUInt32(column(scan, tuple, attribute::cluster_keys::key_id, &is_null));
  return key;
}

}  // namespace

ClusterKey read_cluster_key(const CatalogRead &read, uint32 id) {
  ClusterKey key{};
  ScanKeyData number;
  equals(&number, attribute::cluster_keys::key_id, F_INT4EQ, Int32GetDatum(static_cast<int32>(id)));
  CatalogScan scan = begin_scan(read, CatalogIndex::cluster_keys_pkey, 1, &number);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) key = key_in(scan, tuple);
  end_scan(scan);
  return key;
}

// There are one or two.
ClusterKey read_signing_key(const CatalogRead &read) {
  ClusterKey key{};
  CatalogScan scan = begin_scan(read, CatalogIndex::cluster_keys_pkey, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (bool_column(scan, tuple, attribute::cluster_keys::signs)) key = key_in(scan, tuple);
  end_scan(scan);
  return key;
}

}  // namespace tenancy::pg
