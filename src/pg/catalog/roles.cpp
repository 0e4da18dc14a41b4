#include "pg/catalog/roles.hpp"

#include "pg/catalog/permission_numbers.hpp"

namespace tenancy::pg {
namespace {

// The built-in roles' own grants are the same for everybody: cached until a catalog changes.
constexpr int built_in_roles = 6;
struct {
  CatalogToken token;
  int count;
  Role roles[built_in_roles];
} built_in{};

bool is_built_in(const Uuid &role) {
  for (const Uuid &id : {organization_owner_role, organization_admin_role, organization_member_role,
                         workspace_admin_role, workspace_manager_role, workspace_member_role})
    if (id == role) return true;
  return false;
}

}  // namespace

Role read_role(const CatalogRead &read, const Uuid &id) {
  if (built_in.token != read.start.token) {
    built_in.token = read.start.token;
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
      role.granted.add(
          permission_of(read, scan, tuple, attribute::grants::resource, attribute::grants::action));
  end_scan(scan);

  if (is_built_in(id) && built_in.count < built_in_roles) built_in.roles[built_in.count++] = role;
  return role;
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

}  // namespace tenancy::pg
