#include "pg/catalog/facts.hpp"

#include <algorithm>

#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/invalidation.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/sha256.hpp"
#include "pg/server/statement_time.hpp"

namespace tenancy::pg {
namespace {

// What the built-in roles are born with is the same for everybody: read once until a catalog changes.
constexpr int built_in_roles = 6;
struct {
  uint64 generation;
  int count;
  Role roles[built_in_roles];
} built_in{};

struct {
  Oid login;
  uint64 generation;
  LoginBinding binding;
} last_binding{};

PermissionId permission_of(const CatalogScan &scan, HeapTuple tuple, AttrNumber resource, AttrNumber action) {
  return permission_id(text_column(scan, tuple, resource), text_column(scan, tuple, action));
}

bool is_built_in(const Uuid &role) {
  for (const Uuid &id : {organization_owner_role, organization_admin_role, organization_member_role,
                         workspace_admin_role, workspace_manager_role, workspace_member_role})
    if (id == role) return true;
  return false;
}

void read_overrides(const CatalogRead &read, const UserFacts &facts, const Uuid &role, Level level,
                    PodArray<GrantOverride> &overrides) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::grants::role_id, role);
  equals(&keys[1], attribute::grants::organization_id, facts.organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::grants_key, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const char *resource = text_column(scan, tuple, attribute::grants::resource);
    const char *action = text_column(scan, tuple, attribute::grants::action);
    GrantOverride row{};
    row.role = role;
    row.workspace = uuid_column(scan, tuple, attribute::grants::workspace_id);
    row.permission = permission_id(resource, action);
    row.allowed = bool_column(scan, tuple, attribute::grants::allowed);
    row.counts = override_counts({role, level, !row.workspace.is_nil(), row.allowed}, resource, action,
                                 facts.open_to_workspaces);
    if (row.counts) overrides.append(row);
  }
  end_scan(scan);
}

void read_visibility(const CatalogRead &read, const Uuid &organization, const Uuid &role, CategorySet open,
                     PodArray<VisibilitySwitch> &visibility) {
  ScanKeyData keys[3];
  equals(&keys[0], attribute::visibility::role_id, role);
  equals(&keys[1], attribute::visibility::organization_id, organization);
  is_null(&keys[2], attribute::visibility::workspace_id);
  // Workspaces' switches that don't count needn't be read.
  const int key_count = open.contains(Category::data_visibility) ? 2 : 3;
  CatalogScan scan = begin_scan(read, CatalogIndex::visibility_key, key_count, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    visibility.append({role, uuid_column(scan, tuple, attribute::visibility::workspace_id),
                       bool_column(scan, tuple, attribute::visibility::all_rows)});
  end_scan(scan);
}

CategorySet read_open_categories(const CatalogRead &read, const Uuid &organization) {
  CategorySet open;
  ScanKeyData key;
  equals(&key, attribute::workspace_overrides::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::workspace_overrides_pkey, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const auto category = category_named(text_column(scan, tuple, attribute::workspace_overrides::category));
    if (category && bool_column(scan, tuple, attribute::workspace_overrides::allowed)) open.add(*category);
  }
  end_scan(scan);
  return open;
}

void add_once(PodArray<Uuid> &ids, const Uuid &id) {
  if (std::find(ids.items, ids.items + ids.count, id) == ids.items + ids.count) ids.append(id);
}

// The ids in one column of the rows with the given key columns.
std::span<const Uuid> read_ids(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys,
                               AttrNumber attribute) {
  PodArray<Uuid> ids;
  CatalogScan scan = begin_scan(read, index, key_count, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    ids.append(uuid_column(scan, tuple, attribute));
  end_scan(scan);
  std::sort(ids.items, ids.items + ids.count);
  return ids.span();
}

void read_scopes(const CatalogRead &read, ApiKeyRead &key) {
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_key_scopes::api_key_id, key.id);
  CatalogScan scan = begin_scan(read, CatalogIndex::api_key_scopes_pkey, 1, &scan_key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    key.facts.scopes.add(
        permission_of(scan, tuple, attribute::api_key_scopes::resource, attribute::api_key_scopes::action));
  end_scan(scan);
}

TimestampTz earlier(TimestampTz moment, const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? moment : Min(moment, DatumGetTimestampTz(datum));
}

}  // namespace

Role read_role(const CatalogRead &read, const Uuid &id) {
  if (built_in.generation != read.generation) {
    built_in.generation = read.generation;
    built_in.count = 0;
  }
  for (int i = 0; i < built_in.count; i++)
    if (built_in.roles[i].id == id) return built_in.roles[i];

  Role role{};
  role.id = id;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::roles::role_id, id);
  CatalogScan scan = begin_scan(read, CatalogIndex::roles_pkey, 1, keys);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    role.all_workspaces = bool_column(scan, tuple, attribute::roles::all_workspaces);
  end_scan(scan);

  equals(&keys[0], attribute::grants::role_id, id);
  is_null(&keys[1], attribute::grants::organization_id);
  scan = begin_scan(read, CatalogIndex::grants_key, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (bool_column(scan, tuple, attribute::grants::allowed))
      role.granted.add(permission_of(scan, tuple, attribute::grants::resource, attribute::grants::action));
  end_scan(scan);

  if (is_built_in(id) && built_in.count < built_in_roles) built_in.roles[built_in.count++] = role;
  return role;
}

Datum secret_hash_datum(const char *secret) {
  auto *bytes = static_cast<bytea *>(palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH));
  SET_VARSIZE(bytes, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
  const Sha256Part text{secret, strlen(secret)};
  sha256({&text, 1}, reinterpret_cast<uint8 *>(VARDATA(bytes)));
  return PointerGetDatum(bytes);
}

UserFactsRead read_user_facts(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  UserFactsRead result{};
  Uuid organization_role;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::organization_members::organization_id, organization);
  equals(&keys[1], attribute::organization_members::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_pkey, 2, keys);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    result.is_member = true;
    organization_role = uuid_column(scan, tuple, attribute::organization_members::role_id);
  }
  end_scan(scan);
  if (!result.is_member) return result;

  PodArray<WorkspaceMembership> memberships;
  equals(&keys[0], attribute::workspace_members::user_id, user);
  equals(&keys[1], attribute::workspace_members::organization_id, organization);
  scan = begin_scan(read, CatalogIndex::workspace_members_user_idx, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    memberships.append({uuid_column(scan, tuple, attribute::workspace_members::workspace_id),
                        uuid_column(scan, tuple, attribute::workspace_members::role_id)});
  end_scan(scan);
  result.facts = read_role_facts(read, organization, organization_role, memberships.span());
  return result;
}

UserFacts read_role_facts(const CatalogRead &read, const Uuid &organization, const Uuid &organization_role,
                          std::span<const WorkspaceMembership> memberships) {
  UserFacts facts{};
  facts.organization = organization;
  facts.organization_role = organization_role;
  facts.memberships = memberships;

  PodArray<Uuid> role_ids;
  if (organization_role) role_ids.append(organization_role);
  for (const WorkspaceMembership &membership : memberships) add_once(role_ids, membership.role);

  facts.open_to_workspaces = read_open_categories(read, organization);
  PodArray<Role> roles;
  PodArray<GrantOverride> overrides;
  for (const Uuid &id : role_ids.span()) {
    roles.append(read_role(read, id));
    read_overrides(read, facts, id, id == organization_role ? Level::organization : Level::workspace,
                   overrides);
  }
  PodArray<VisibilitySwitch> visibility;
  add_once(role_ids, workspace_member_role);  // custom roles follow it
  for (const Uuid &id : role_ids.span())
    read_visibility(read, organization, id, facts.open_to_workspaces, visibility);

  facts.roles = roles.span();
  facts.overrides = overrides.span();
  facts.visibility = visibility.span();
  facts.classes = &permission_classes();
  // Needed only where somebody is restricted.
  if (std::any_of(facts.visibility.begin(), facts.visibility.end(),
                  [](const VisibilitySwitch &row) { return !row.all_rows; }))
    facts.shared = registered_permissions(read).shared;
  return facts;
}

const char *why_key_has_ended(const CatalogScan &scan, HeapTuple tuple) {
  if (!is_null_column(scan, tuple, attribute::api_keys::deleted_at)) return "the key is deleted";
  if (!is_null_column(scan, tuple, attribute::api_keys::revoked_at)) return "the key is revoked";
  if (earlier(DT_NOEND, scan, tuple, attribute::api_keys::expires_at) <= statement_time())
    return "the key or its secret has expired";
  return nullptr;
}

ApiKeyRead read_api_key(const CatalogRead &read, const char *secret) {
  ApiKeyRead key{};
  key.not_after = DT_NOEND;
  // What is compared is the hash of the text that was given, so that the time taken says nothing of any
  // secret.
  ScanKeyData scan_key;
  equals(&scan_key, attribute::api_key_secrets::secret_hash, F_BYTEAEQ, secret_hash_datum(secret));
  CatalogScan scan = begin_scan(read, CatalogIndex::api_key_secrets_pkey, 1, &scan_key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    key.id = uuid_column(scan, tuple, attribute::api_key_secrets::api_key_id);
    key.not_after = earlier(key.not_after, scan, tuple, attribute::api_key_secrets::valid_until);
  }
  end_scan(scan);
  key.reason = "no key has this secret";
  if (!key.id) return key;

  bool all_scopes = false;
  equals(&scan_key, attribute::api_keys::api_key_id, key.id);
  scan = begin_scan(read, CatalogIndex::api_keys_pkey, 1, &scan_key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    const auto kind = key_kind_named(text_column(scan, tuple, attribute::api_keys::kind));
    key.user = uuid_column(scan, tuple, attribute::api_keys::user_id);
    key.facts.organization = uuid_column(scan, tuple, attribute::api_keys::organization_id);
    key.facts.workspace = uuid_column(scan, tuple, attribute::api_keys::workspace_id);
    all_scopes = bool_column(scan, tuple, attribute::api_keys::all_scopes);
    key.not_after = earlier(key.not_after, scan, tuple, attribute::api_keys::expires_at);
    if (!kind)
      key.reason = "the key's kind is not known";
    else if (const char *ended = why_key_has_ended(scan, tuple); ended != nullptr)
      key.reason = ended;
    else if (key.not_after <= statement_time())
      key.reason = "the key or its secret has expired";
    else
      key.usable = true;
    if (kind) key.facts.kind = *kind;
  }
  end_scan(scan);
  if (!key.usable) return key;
  key.facts.classes = &permission_classes();
  if (all_scopes)
    key.facts.scopes = registered_permissions(read).all;
  else
    read_scopes(read, key);
  return key;
}

std::optional<Level> read_role_level(const CatalogRead &read, const Uuid &role) {
  std::optional<Level> level;
  ScanKeyData key;
  equals(&key, attribute::roles::role_id, role);
  CatalogScan scan = begin_scan(read, CatalogIndex::roles_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    level = level_named(text_column(scan, tuple, attribute::roles::level));
  end_scan(scan);
  return level;
}

UserRead read_user(const CatalogRead &read, const Uuid &user) {
  UserRead result{};
  ScanKeyData key;
  equals(&key, attribute::users::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::users_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    result = {true, bool_column(scan, tuple, attribute::users::active)};
  end_scan(scan);
  return result;
}

LoginBinding read_login_binding(const CatalogRead &read, Oid login) {
  // A session keeps its login, and asks for its binding whenever it becomes somebody.
  if (last_binding.login == login && last_binding.generation == read.generation) return last_binding.binding;
  LoginBinding binding{};
  ScanKeyData key;
  equals(&key, attribute::login_bindings::login, F_OIDEQ, ObjectIdGetDatum(login));
  CatalogScan scan = begin_scan(read, CatalogIndex::login_bindings_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    binding = {bool_column(scan, tuple, attribute::login_bindings::trusted),
               uuid_column(scan, tuple, attribute::login_bindings::user_id),
               uuid_column(scan, tuple, attribute::login_bindings::organization_id),
               uuid_column(scan, tuple, attribute::login_bindings::workspace_id)};
  end_scan(scan);
  last_binding = {login, read.generation, binding};
  return binding;
}

std::span<const Uuid> read_workspaces(const CatalogRead &read, const Uuid &organization) {
  ScanKeyData key;
  equals(&key, attribute::workspaces::organization_id, organization);
  return read_ids(read, CatalogIndex::workspaces_organization_id_slug_key, 1, &key,
                  attribute::workspaces::workspace_id);
}

std::span<const Uuid> read_keys_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::api_keys::user_id, user);
  equals(&keys[1], attribute::api_keys::organization_id, organization);
  return read_ids(read, CatalogIndex::api_keys_user_idx, 2, keys, attribute::api_keys::api_key_id);
}

std::span<const Uuid> read_organizations_of_user(const CatalogRead &read, const Uuid &user) {
  ScanKeyData key;
  equals(&key, attribute::organization_members::user_id, user);
  return read_ids(read, CatalogIndex::organization_members_user_idx, 1, &key,
                  attribute::organization_members::organization_id);
}

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

}  // namespace

const char *read_external_id(const CatalogRead &read, Entity entity, const Uuid &id) {
  const EntityNames &names = entity_names[static_cast<int>(entity)];
  return read_name(read, names.primary_key, names.external_id, id);
}

const char *read_display_name(const CatalogRead &read, Entity entity, const Uuid &id) {
  const EntityNames &names = entity_names[static_cast<int>(entity)];
  return read_name(read, names.primary_key, names.display_name, id);
}

}  // namespace tenancy::pg
