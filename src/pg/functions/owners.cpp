// Owners of organizations, by the newest snapshot: the caller's may be older than another session's
// commit; and a lock by which those who rely on an owner and those who lock one see each other.

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

// The column `wanted` of the memberships as an owner without an end.
PodArray<Uuid> ownerships(const CatalogRead &read, CatalogIndex index, AttrNumber given, Datum id,
                          AttrNumber wanted) {
  PodArray<Uuid> found;
  ScanKeyData key;
  equals(&key, given, F_UUID_EQ, id);
  CatalogScan scan = begin_scan(read, index, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (uuid_column(scan, tuple, attribute::organization_members::role_id) == organization_owner_role &&
        is_null_column(scan, tuple, attribute::organization_members::ends_at))
      found.append(uuid_column(scan, tuple, wanted));
  end_scan(scan);
  return found;
}

PodArray<Uuid> owners_of(const CatalogRead &read, Datum organization) {
  return ownerships(read, CatalogIndex::organization_members_pkey,
                    attribute::organization_members::organization_id, organization,
                    attribute::organization_members::user_id);
}

Datum array_of(const PodArray<Datum> &ids) {
  return PointerGetDatum(construct_array(ids.items, ids.count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

// A lock of the user's being active, beside the row: that one may be changed by the person at any time.
LOCKTAG lock_of_user(Datum user) {
  const uint64 hash =
      hash_bytes_extended(reinterpret_cast<const unsigned char *>(DatumGetUUIDP(user)->data), UUID_LEN, 0);
  LOCKTAG tag{};
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_relation(CatalogIndex::users_pkey), static_cast<uint32>(hash),
                     static_cast<uint16>(hash >> 32));
  return tag;
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_keep_active);
Datum pg_tenancy_keep_active(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const LOCKTAG tag = lock_of_user(PG_GETARG_DATUM(0));
  PG_RETURN_BOOL(LockAcquire(&tag, ShareLock, false, !PG_GETARG_BOOL(1)) != LOCKACQUIRE_NOT_AVAIL);
}

PG_FUNCTION_INFO_V1(pg_tenancy_begin_locking);
Datum pg_tenancy_begin_locking(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const LOCKTAG tag = lock_of_user(PG_GETARG_DATUM(0));
  LockAcquire(&tag, ExclusiveLock, false, false);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(pg_tenancy_organization_has_owner);
Datum pg_tenancy_organization_has_owner(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  CatalogRead read = begin_catalog_read();
  const PodArray<Uuid> owners = owners_of(read, PG_GETARG_DATUM(0));
  bool found = false;
  for (int i = 0; i < owners.count && !found; i++) found = read_user(read, owners.items[i]).active;
  end_catalog_read(read);
  PG_RETURN_BOOL(found);
}

PG_FUNCTION_INFO_V1(pg_tenancy_active_owners);
Datum pg_tenancy_active_owners(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  CatalogRead read = begin_catalog_read();
  const PodArray<Uuid> owners = owners_of(read, PG_GETARG_DATUM(0));
  PodArray<Datum> active;
  for (int i = 0; i < owners.count; i++)
    if (read_user(read, owners.items[i]).active) active.append(uuid_datum(owners.items[i]));
  end_catalog_read(read);
  return array_of(active);
}

PG_FUNCTION_INFO_V1(pg_tenancy_owned_organizations);
Datum pg_tenancy_owned_organizations(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  CatalogRead read = begin_catalog_read();
  const PodArray<Uuid> owned =
      ownerships(read, CatalogIndex::organization_members_user_idx, attribute::organization_members::user_id,
                 PG_GETARG_DATUM(0), attribute::organization_members::organization_id);
  end_catalog_read(read);
  PodArray<Datum> ids;
  for (int i = 0; i < owned.count; i++) ids.append(uuid_datum(owned.items[i]));
  return array_of(ids);
}
}

}  // namespace tenancy::pg
