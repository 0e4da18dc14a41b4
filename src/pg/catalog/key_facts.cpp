#include "pg/catalog/key_facts.hpp"

#include "pg/catalog/derived_key.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/sha256.hpp"
#include "pg/server/statement_time.hpp"

namespace tenancy::pg {
namespace {

void read_scopes(const CatalogRead &read, ApiKeyRead &key) {
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_key_scopes::api_key_id, key.id);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_key_scopes_pkey, 1, &scan_key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    key.facts.scopes.add(permission_of(read, scan, tuple, attribute::api_key_scopes::resource,
                                       attribute::api_key_scopes::action));
  end_scan(scan);
}

// In the current memory context. Not those that are none: a row made by hand then allows fewer.
std::span<const Network> networks_in(Datum array) {
  Datum *texts = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &count);
  auto *networks = static_cast<Network *>(palloc(sizeof(Network) * static_cast<size_t>(count + 1)));
  size_t known = 0;
  for (int i = 0; i < count; i++) {
    if (nulls[i]) continue;
    const text *name = DatumGetTextPP(texts[i]);
    if (const auto network = network_named({VARDATA_ANY(name), static_cast<size_t>(VARSIZE_ANY_EXHDR(name))});
        network)
      networks[known++] = *network;
  }
  return {networks, known};
}

void read_networks(const CatalogScan &scan, HeapTuple tuple, ApiKeyRead &key) {
  bool is_null = false;
  const Datum array = column(scan, tuple, attribute::api_keys::allowed_networks, &is_null);
  key.is_confined = !is_null;
  if (!is_null) key.networks = networks_in(array);
}

TimestampTz earlier(TimestampTz moment, const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? moment : Min(moment, DatumGetTimestampTz(datum));
}

}  // namespace

Datum secret_hash_datum(const char *secret) {
  auto *bytes = static_cast<bytea *>(palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH));
  SET_VARSIZE(bytes, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
  const Sha256Part text{secret, strlen(secret)};
  sha256({&text, 1}, reinterpret_cast<uint8 *>(VARDATA(bytes)));
  return PointerGetDatum(bytes);
}

constexpr const char *must_rotate = "the key has not been rotated in time";

const char *why_key_has_ended(const CatalogScan &scan, HeapTuple tuple) {
  if (!is_null_column(scan, tuple, attribute::api_keys::deleted_at)) return "the key is deleted";
  if (!is_null_column(scan, tuple, attribute::api_keys::revoked_at)) return "the key is revoked";
  if (earlier(DT_NOEND, scan, tuple, attribute::api_keys::expires_at) <= statement_time())
    return "the key or its secret has expired";
  if (earlier(DT_NOEND, scan, tuple, attribute::api_keys::rotate_by) <= statement_time()) return must_rotate;
  return nullptr;
}

namespace {

// The row of a key whose id, and its secret's end, are known.
void read_row(const CatalogRead &read, ApiKeyRead &key) {
  bool all_scopes = false;
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_keys::api_key_id, key.id);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_keys_pkey, 1, &scan_key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    const auto kind = key_kind_named(text_column(scan, tuple, attribute::api_keys::kind));
    key.user = uuid_column(scan, tuple, attribute::api_keys::user_id);
    key.facts.organization = uuid_column(scan, tuple, attribute::api_keys::organization_id);
    key.facts.workspace = uuid_column(scan, tuple, attribute::api_keys::workspace_id);
    all_scopes = bool_column(scan, tuple, attribute::api_keys::all_scopes);
    key.ends_at = earlier(key.ends_at, scan, tuple, attribute::api_keys::expires_at);
    key.not_after = earlier(key.ends_at, scan, tuple, attribute::api_keys::rotate_by);
    key.rotation_due_at = earlier(DT_NOEND, scan, tuple, attribute::api_keys::rotation_due_at);
    read_networks(scan, tuple, key);
    if (!kind)
      key.reason = "the key's kind is not known";
    else if (const char *ended = why_key_has_ended(scan, tuple); ended != nullptr && ended != must_rotate)
      key.reason = ended;
    else if (key.ends_at <= statement_time())
      key.reason = "the key or its secret has expired";
    else if (ended != nullptr) {
      key.reason = ended;
      key.must_rotate = true;
    } else
      key.usable = true;
    if (kind) key.facts.kind = *kind;
  }
  end_scan(scan);
  if (!key.usable) return;
  key.facts.classes = &permission_classes();
  if (all_scopes) key.facts.scopes = registered_permissions(read).every_scope;
  read_scopes(read, key);
}

// The rights that are stored beside the secret. RETURNS whether there are any.
bool read_derived(const CatalogRead &read, const CatalogScan &scan, HeapTuple tuple, ApiKeyRead &key) {
  bool is_null = false;
  const Datum stored = column(scan, tuple, attribute::api_key_secrets::derived, &is_null);
  if (is_null) return false;
  // The session gets their notifications, though they are not read.
  depend_on_catalog(read, CatalogIndex::api_keys_pkey);
  depend_on_catalog(read, CatalogIndex::api_key_scopes_pkey);
  DerivedKey derived{};
  PermissionSet scopes;
  if (!read_derived_key(read, DatumGetByteaPP(stored), key.id, derived, scopes)) return false;
  count(Counter::derived_rows_read);
  key.user = derived.user;
  key.facts.kind = derived.kind;
  key.facts.organization = derived.organization;
  key.facts.workspace = derived.workspace;
  key.facts.scopes = scopes;
  if (derived.all_scopes) key.facts.scopes |= registered_permissions(read).every_scope;
  key.facts.classes = &permission_classes();
  key.ends_at = Min(key.ends_at, derived.expires_at);
  key.not_after = Min(key.ends_at, derived.rotate_by);
  key.rotation_due_at = derived.rotation_due_at;
  key.must_rotate = key.ends_at > statement_time() && derived.rotate_by <= statement_time();
  key.usable = key.not_after > statement_time();
  key.reason = key.must_rotate ? must_rotate : "the key or its secret has expired";
  return true;
}

}  // namespace

ApiKeyRead read_api_key(const CatalogRead &read, const char *secret) {
  ApiKeyRead key{};
  key.ends_at = key.not_after = DT_NOEND;
  // Compares the hash of the given text, so that the time taken reveals nothing about any secret.
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_key_secrets::secret_hash, F_BYTEAEQ, secret_hash_datum(secret));
  CatalogScan scan = begin_scan(read, CatalogIndex::api_key_secrets_pkey, 1, &scan_key);
  bool is_read = false;
  key.reason = "no key has this secret";
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    key.id = uuid_column(scan, tuple, attribute::api_key_secrets::api_key_id);
    key.ends_at = earlier(key.ends_at, scan, tuple, attribute::api_key_secrets::valid_until);
    is_read = read_derived(read, scan, tuple, key);
  }
  end_scan(scan);
  if (key.id && !is_read) read_row(read, key);
  return key;
}

ApiKeyRead read_api_key_of_id(const CatalogRead &read, const Uuid &id) {
  ApiKeyRead key{};
  key.ends_at = key.not_after = DT_NOEND;
  key.id = id;
  key.reason = "there is no such key";
  read_row(read, key);
  return key;
}

}  // namespace tenancy::pg
