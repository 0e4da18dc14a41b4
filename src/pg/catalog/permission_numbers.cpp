#include "pg/catalog/permission_numbers.hpp"

#include <algorithm>

#include "pg/catalog/claimed_catalog.hpp"
#include "pg/server/nearest.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

struct Name {
  char resource[permission_name_length];
  char action[permission_name_length];
};

struct Entry {
  Name name;  // the hash key
  PermissionId id;
  bool registered;
  CatalogToken looked_up;
};

HTAB *names = nullptr;
struct {
  uint64 count;
  CatalogToken token;  // of the catalogs, at the start
  bool used_up;
} numbering{};
// The built-in permissions and some user-defined ones: giving back fewer names than this gains nothing.
constexpr long few_names = 128;
PermissionClasses classes{};

struct {
  CatalogToken token;
  RegisteredPermissions permissions;
} registry{};

extern "C" {
// Names are far shorter than their places.
static uint32 hash_of_name(const void *key, Size) {
  const auto *name = static_cast<const Name *>(key);
  const auto hash_of = [](const char *text) {
    return hash_bytes(reinterpret_cast<const unsigned char *>(text), static_cast<int>(strlen(text)));
  };
  return hash_combine(hash_of(name->resource), hash_of(name->action));
}
}

// nullptr for a name that is too long.
Entry *entry_of(const char *resource, const char *action) {
  if (strlen(resource) >= permission_name_length || strlen(action) >= permission_name_length) return nullptr;
  if (names == nullptr) {
    HASHCTL control{};
    control.keysize = sizeof(Name);
    control.entrysize = sizeof(Entry);
    control.hash = hash_of_name;
    control.hcxt = TopMemoryContext;
    names = hash_create("tenancy permissions", 16, &control, HASH_ELEM | HASH_FUNCTION | HASH_CONTEXT);
  }
  Name name{};
  strlcpy(name.resource, resource, sizeof name.resource);
  strlcpy(name.action, action, sizeof name.action);
  bool found = false;
  const auto next = hash_get_num_entries(names);
  auto *entry = static_cast<Entry *>(hash_search(names, &name, HASH_FIND, &found));
  if (found) return entry;
  if (next >= static_cast<long>(max_permissions)) {
    numbering.used_up = true;
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many permissions"),
                    errdetail("At most %zu can be told apart.", max_permissions)));
  }
  entry = static_cast<Entry *>(hash_search(names, &name, HASH_ENTER, &found));
  entry->id = static_cast<PermissionId>(next);
  classes.add(entry->id, entry->name.resource, entry->name.action);
  entry->looked_up = {};
  return entry;
}

bool exists(const char *resource, const char *action) {
  CatalogRead read = begin_catalog_read();
  ScanKeyData keys[2];
  equals(&keys[0], attribute::permissions::resource, F_TEXTEQ, CStringGetTextDatum(resource));
  if (action != nullptr)
    equals(&keys[1], attribute::permissions::action, F_TEXTEQ, CStringGetTextDatum(action));
  CatalogScan scan = begin_scan(read, CatalogIndex::permissions_pkey, action == nullptr ? 1 : 2, keys);
  const bool found = HeapTupleIsValid(next_tuple(scan));
  end_scan(scan);
  end_catalog_read(read);
  return found;
}

// Only for errors: the nearest resource, or the nearest action of a resource.
const char *nearest_registered(const char *resource, const char *action) {
  NearestWord nearest = nearest_to(action == nullptr ? resource : action);
  CatalogRead read = begin_catalog_read();
  ScanKeyData key;
  if (action != nullptr)
    equals(&key, attribute::permissions::resource, F_TEXTEQ, CStringGetTextDatum(resource));
  CatalogScan scan = begin_scan(read, CatalogIndex::permissions_pkey, action == nullptr ? 0 : 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    consider(nearest, text_column(scan, tuple,
                                  action == nullptr ? attribute::permissions::resource
                                                    : attribute::permissions::action));
  end_scan(scan);
  end_catalog_read(read);
  return nearest.best;
}

}  // namespace

// Does not distinguish removed names from existing ones, which would need a read of the catalogs. Names
// still in use get a number again at once.
void give_back_numbers() {
  AcceptInvalidationMessages();
  if (names == nullptr) return;
  if (!numbering.used_up && (numbering.token.valid() || hash_get_num_entries(names) < few_names)) return;
  // Caches that use numbers have a token of the catalogs, since they were read from there.
  expire_catalog_tokens();
  numbering.count++;
  numbering.token = CatalogToken::now();
  numbering.used_up = false;
  classes = PermissionClasses{};
  HTAB *const old = names;
  names = nullptr;
  hash_destroy(old);
}

uint64 permission_numbering() { return numbering.count; }

std::span<const NamedPermission> permissions_by_name() {
  if (names == nullptr) return {};
  PodArray<NamedPermission> found;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, names);
  while (const auto *entry = static_cast<Entry *>(hash_seq_search(&scan)))
    found.append({entry->name.resource, entry->name.action, entry->id});
  std::sort(found.items, found.items + found.count, [](const auto &one, const auto &other) {
    const int order = strcmp(one.resource, other.resource);
    return order < 0 || (order == 0 && strcmp(one.action, other.action) < 0);
  });
  return found.span();
}

namespace {

Entry *required_entry(const char *resource, const char *action) {
  Entry *entry = entry_of(resource, action);
  if (entry == nullptr) elog(ERROR, "permission name is too long");
  return entry;
}

}  // namespace

PermissionId permission_id(const char *resource, const char *action) {
  return required_entry(resource, action)->id;
}

// Removing the permission means removing the row first, of which the session is notified.
PermissionId permission_in_catalog(const CatalogRead &read, const char *resource, const char *action) {
  Entry *entry = required_entry(resource, action);
  entry->registered = true;
  entry->looked_up = read.start.token;
  return entry->id;
}

PermissionId permission_of(const CatalogRead &read, const CatalogScan &scan, HeapTuple tuple,
                           AttrNumber resource, AttrNumber action) {
  return permission_in_catalog(read, text_column(scan, tuple, resource), text_column(scan, tuple, action));
}

const PermissionClasses &permission_classes() { return classes; }

const RegisteredPermissions &registered_permissions(const CatalogRead &read) {
  if (registry.token == read.start.token) return registry.permissions;
  RegisteredPermissions found{};
  CatalogScan scan = begin_scan(read, CatalogIndex::permissions_pkey, 0, nullptr);
  // Version 1.0 has no such column: data visibility governs everything.
  const bool says_what_is_shared =
      RelationGetDescr(scan.relation)->natts >= attribute::permissions::data_visibility;
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const char *resource = text_column(scan, tuple, attribute::permissions::resource);
    const char *action = text_column(scan, tuple, attribute::permissions::action);
    const PermissionId permission =
        permission_of(read, scan, tuple, attribute::permissions::resource, attribute::permissions::action);
    found.all.add(permission);
    if (!is_off_by_default(action)) found.every_scope.add(permission);
    if (says_what_is_shared && !is_observability(resource) &&
        !bool_column(scan, tuple, attribute::permissions::data_visibility))
      found.shared.add(permission);
  }
  end_scan(scan);
  registry.permissions = found;
  registry.token = read.start.token;
  return registry.permissions;
}

bool is_registered(const char *resource, const char *action) {
  // Unregistered names must not fill the table.
  const ClaimedCatalog *claimed = claimed_catalog();
  const CatalogToken now = CatalogToken::now();
  if (strlen(resource) >= permission_name_length || strlen(action) >= permission_name_length) return false;
  if (names != nullptr) {
    Name name{};
    strlcpy(name.resource, resource, sizeof name.resource);
    strlcpy(name.action, action, sizeof name.action);
    const auto *entry = static_cast<Entry *>(hash_search(names, &name, HASH_FIND, nullptr));
    // All that a claim registers have a number.
    if (claimed != nullptr) return entry != nullptr && claimed->registered.contains(entry->id);
    if (entry != nullptr && entry->looked_up == now) return entry->registered;
  }
  const bool registered = exists(resource, action);
  if (registered) {
    Entry *entry = entry_of(resource, action);
    entry->registered = true;
    entry->looked_up = now;
  }
  return registered;
}

namespace {

// No registered name is that long; the message is complete without a hint.
void check_length(const char *what, const char *name) {
  if (strlen(name) >= permission_name_length)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s name is too long", what),
             errdetail("It has %zu bytes, and may have %d.", strlen(name), permission_name_length - 1)));
}

}  // namespace

void require_registered_resource(const char *resource) {
  check_length("resource", resource);
  if (exists(resource, nullptr)) return;
  if (is_of_gateway(resource))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("resource \"%s\" is not registered", resource),
             errdetail("It belongs to the vocabulary \"llm_gateway\", which this database leaves out."),
             errhint("Use tenancy.use_vocabulary('llm_gateway') to have it.")));
  const char *nearest = nearest_registered(resource, nullptr);
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("resource \"%s\" is not registered", resource),
           nearest != nullptr ? errhint("Perhaps you meant \"%s\".", nearest)
                              : errhint("Use tenancy.register_resource() to add one.")));
}

void require_registered(const char *resource, const char *action) {
  if (is_registered(resource, action)) return;
  require_registered_resource(resource);
  check_length("action", action);
  const char *nearest = nearest_registered(resource, action);
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("action \"%s\" is not registered for resource \"%s\"", action, resource),
                  nearest != nullptr ? errhint("Perhaps you meant \"%s\".", nearest)
                                     : errhint("Use tenancy.register_permission() to add one.")));
}

PermissionSet registered_permission(const char *resource, const char *action) {
  require_registered(resource, action);
  PermissionSet permission;
  permission.add(permission_id(resource, action));
  return permission;
}

}  // namespace tenancy::pg
