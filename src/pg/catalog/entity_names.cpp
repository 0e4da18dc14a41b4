#include "pg/catalog/entity_names.hpp"

#include "pg/catalog/claimed_catalog.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {
namespace {

struct EntityNames {
  CatalogIndex primary_key;
  AttrNumber external_id;
  AttrNumber display_name;
};
// In the order of Entity.
constexpr EntityNames entity_names[] = {
    {CatalogIndex::organizations_pkey, attribute::organizations::external_id, attribute::organizations::slug},
    {CatalogIndex::workspaces_pkey, attribute::workspaces::external_id, attribute::workspaces::slug},
    {CatalogIndex::users_pkey, attribute::users::external_id, attribute::users::email},
    {CatalogIndex::api_keys_pkey, attribute::api_keys::external_id, attribute::api_keys::name}};

const char *read_name(const CatalogRead &read, CatalogIndex primary_key, AttrNumber attribute,
                      const Uuid &id) {
  const char *text = nullptr;
  ScanKeyData key;
  equals(&key, 1, id);  // the id is every entity's first column
  CatalogScan scan = begin_scan(read, primary_key, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    text = text_column(scan, tuple, attribute);
  end_scan(scan);
  return text;
}

ArrayType *array_of(std::span<const Uuid> ids) {
  PodArray<Datum> values;
  for (const Uuid &id : ids) values.append(uuid_datum(id));
  return construct_array(values.items, values.count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR);
}

// One scan for so many ids.
constexpr size_t ids_a_scan = 4096;

}  // namespace

const char *read_member_id(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::organization_members::organization_id, organization);
  equals(&keys[1], attribute::organization_members::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_pkey, 2, keys);
  const char *text = nullptr;
  if (const HeapTuple tuple = next_tuple(scan);
      HeapTupleIsValid(tuple) && !has_ended(scan, tuple, attribute::organization_members::ends_at))
    text = text_column(scan, tuple, attribute::organization_members::external_id);
  end_scan(scan);
  return text;
}

PodArray<const char *> read_external_ids(const CatalogRead &read, Entity entity, std::span<const Uuid> ids,
                                         const Uuid &organization) {
  const EntityNames &names = entity_names[static_cast<int>(entity)];
  PodArray<const char *> found;
  if (const ClaimedCatalog *claimed = claimed_catalog(); claimed != nullptr) {
    for (const Uuid &id : ids)
      if (const char *text = claimed_external_id(*claimed, entity, id); text != nullptr) found.append(text);
    return found;
  }
  // Of users, there is no long list.
  if (entity == Entity::user) {
    for (const Uuid &id : ids)
      if (const char *text = read_external_id(read, entity, id, organization); text != nullptr)
        found.append(text);
    return found;
  }
  while (!ids.empty()) {
    const auto part = ids.first(Min(ids.size(), ids_a_scan));
    ids = ids.subspan(part.size());
    // Sorts them, and looks them up one after the other.
    ScanKeyData key;
    ScanKeyEntryInitialize(&key, SK_SEARCHARRAY, 1, BTEqualStrategyNumber, UUIDOID, InvalidOid, F_UUID_EQ,
                           PointerGetDatum(array_of(part)));
    CatalogScan scan = begin_scan(read, names.primary_key, 1, &key);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
      if (const char *text = text_column(scan, tuple, names.external_id); text != nullptr) found.append(text);
    end_scan(scan);
  }
  return found;
}

const char *read_external_id(const CatalogRead &read, Entity entity, const Uuid &id,
                             const Uuid &organization) {
  if (const ClaimedCatalog *claimed = claimed_catalog(); claimed != nullptr)
    return claimed_external_id(*claimed, entity, id);
  if (entity == Entity::user && organization)
    if (const char *text = read_member_id(read, organization, id); text != nullptr) return text;
  const EntityNames &names = entity_names[static_cast<int>(entity)];
  return read_name(read, names.primary_key, names.external_id, id);
}

const char *read_display_name(const CatalogRead &read, Entity entity, const Uuid &id) {
  const EntityNames &names = entity_names[static_cast<int>(entity)];
  return read_name(read, names.primary_key, names.display_name, id);
}

const char *read_group_name(const CatalogRead &read, const Uuid &id) {
  return read_name(read, CatalogIndex::groups_pkey, attribute::groups::name, id);
}

}  // namespace tenancy::pg
