#include "pg/catalog/derived_key.hpp"

#include <string>

#include "core/claims/bytes.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

constexpr uint8 version = 1;
// Longer rows would be compressed, or stored elsewhere: reading the scopes costs less.
constexpr size_t largest_size = 1800;

struct Scope {
  const char *resource;
  const char *action;
};

// With the byte that ends it, so that it can be used where it lies.
void add_text(ByteWriter &writer, const char *text) { writer.text({text, strlen(text) + 1}); }

const char *text_of(ByteReader &reader) {
  const std::string_view text = reader.text();
  if (text.empty() || text.find('\0') != text.size() - 1) reader.fail();
  return reader.failed() ? "" : text.data();
}

TimestampTz moment(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  return is_null_column(scan, tuple, attribute) ? DT_NOEND : time_column(scan, tuple, attribute);
}

// RETURNS whether the row can be stored: of a key that can be used, now or ever again.
bool read_key(const CatalogRead &read, DerivedKey &key) {
  bool found = false;
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_keys::api_key_id, key.id);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_keys_pkey, 1, &scan_key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    const auto kind = key_kind_named(text_column(scan, tuple, attribute::api_keys::kind));
    found = kind && is_null_column(scan, tuple, attribute::api_keys::revoked_at) &&
            is_null_column(scan, tuple, attribute::api_keys::deleted_at) &&
            is_null_column(scan, tuple, attribute::api_keys::allowed_networks);
    if (found) key.kind = *kind;
    key.all_scopes = bool_column(scan, tuple, attribute::api_keys::all_scopes);
    key.organization = uuid_column(scan, tuple, attribute::api_keys::organization_id);
    key.workspace = uuid_column(scan, tuple, attribute::api_keys::workspace_id);
    key.user = uuid_column(scan, tuple, attribute::api_keys::user_id);
    key.expires_at = moment(scan, tuple, attribute::api_keys::expires_at);
    key.rotate_by = moment(scan, tuple, attribute::api_keys::rotate_by);
    key.rotation_due_at = moment(scan, tuple, attribute::api_keys::rotation_due_at);
  }
  end_scan(scan);
  return found;
}

PodArray<Scope> read_scopes(const CatalogRead &read, const Uuid &id) {
  PodArray<Scope> scopes;
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_key_scopes::api_key_id, id);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_key_scopes_pkey, 1, &scan_key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    scopes.append({text_column(scan, tuple, attribute::api_key_scopes::resource),
                   text_column(scan, tuple, attribute::api_key_scopes::action)});
  end_scan(scan);
  return scopes;
}

void write(std::string &out, const DerivedKey &key, Oid catalog, std::span<const Scope> scopes) {
  ByteWriter writer(out);
  writer.number(version);
  // A dump has this column, too: elsewhere it is of another database, or of another catalog.
  writer.number(MyDatabaseId);
  writer.number(catalog);
  writer.id(key.id);
  writer.number(static_cast<uint8>(key.kind));
  writer.number(static_cast<uint8>(key.all_scopes ? 1 : 0));
  for (const Uuid &id : {key.organization, key.workspace, key.user}) writer.id(id);
  for (const TimestampTz time : {key.expires_at, key.rotate_by, key.rotation_due_at}) writer.number(time);
  writer.number(static_cast<uint32>(scopes.size()));
  for (const Scope &scope : scopes) {
    add_text(writer, scope.resource);
    add_text(writer, scope.action);
  }
}

bool read_kind(ByteReader &reader, KeyKind &kind) {
  const auto number = reader.number<uint8>();
  for (const KeyKind known :
       {KeyKind::organization_service_key, KeyKind::workspace_service_key, KeyKind::workspace_user_key})
    if (static_cast<uint8>(known) == number) {
      kind = known;
      return true;
    }
  return false;
}

ByteReader reader_of(const bytea *stored) {
  return ByteReader({reinterpret_cast<const uint8 *>(VARDATA_ANY(stored)), VARSIZE_ANY_EXHDR(stored)});
}

bool has_own_header(ByteReader &reader) {
  return reader.number<uint8>() == version && reader.number<Oid>() == MyDatabaseId &&
         reader.number<Oid>() == catalog_relation(CatalogIndex::api_keys_pkey);
}

}  // namespace

bool is_derived_here(const bytea *stored) {
  ByteReader reader = reader_of(stored);
  return has_own_header(reader);
}

bytea *derive_key(const CatalogRead &read, const Uuid &id) {
  DerivedKey key{};
  key.id = id;
  if (!read_key(read, key)) return nullptr;
  const PodArray<Scope> scopes = read_scopes(read, id);
  const Oid catalog = catalog_relation(CatalogIndex::api_keys_pkey);
  size_t size = 0;
  char buffer[largest_size];
  run_core([&] {
    std::string out;
    write(out, key, catalog, scopes.span());
    size = out.size();
    if (size <= largest_size) std::copy(out.begin(), out.end(), buffer);
  });
  if (size > largest_size) return nullptr;
  auto *stored = static_cast<bytea *>(palloc(VARHDRSZ + size));
  SET_VARSIZE(stored, VARHDRSZ + size);
  memcpy(VARDATA(stored), buffer, size);
  return stored;
}

bool read_derived_key(const CatalogRead &read, const bytea *stored, const Uuid &id, DerivedKey &key,
                      PermissionSet &scopes) {
  ByteReader reader = reader_of(stored);
  if (!has_own_header(reader)) return false;
  key.id = reader.id();
  if (key.id != id || !read_kind(reader, key.kind)) return false;
  key.all_scopes = reader.flag();
  for (Uuid *to : {&key.organization, &key.workspace, &key.user}) *to = reader.id();
  for (TimestampTz *to : {&key.expires_at, &key.rotate_by, &key.rotation_due_at})
    *to = reader.number<TimestampTz>();
  for (auto count = reader.count(2 * sizeof(uint32)); count > 0 && !reader.failed(); count--) {
    const char *resource = text_of(reader);
    const char *action = text_of(reader);
    if (!reader.failed()) scopes.add(permission_in_catalog(read, resource, action));
  }
  return reader.is_at_clean_end();
}

}  // namespace tenancy::pg
