#include "pg/functions/role_rights.hpp"

#include "pg/server/error_bridge.hpp"

namespace tenancy::pg {

PodArray<RoleRights> read_role_rights(const CatalogRead &read, const Uuid &organization,
                                      std::span<const Uuid> workspaces) {
  PodArray<RoleRights> roles;
  for (const bool built_in : {true, false}) {
    ScanKeyData key;
    if (built_in)
      is_null(&key, attribute::roles::organization_id);
    else
      equals(&key, attribute::roles::organization_id, organization);
    CatalogScan scan = begin_scan(read, CatalogIndex::roles_organization_id_level_name_key, 1, &key);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
      roles.append({uuid_column(scan, tuple, attribute::roles::role_id),
                    text_column(scan, tuple, attribute::roles::level),
                    text_column(scan, tuple, attribute::roles::name),
                    built_in,
                    {},
                    nullptr});
    end_scan(scan);
  }
  for (int i = 0; i < roles.count; i++) {
    RoleRights &role = roles.items[i];
    const bool of_workspace = strcmp(role.level, "workspace") == 0;
    PodArray<WorkspaceMembership> everywhere;
    if (of_workspace)
      for (const Uuid &workspace : workspaces) everywhere.append({workspace, role.id});
    role.facts = read_role_facts(read, organization, of_workspace ? Uuid{} : role.id, everywhere.span());
    auto *access = make_in_context<Access>(CurrentMemoryContext);
    run_core([&] { *access = Access::of_user(role.facts); });
    role.access = access;
  }
  return roles;
}

const RoleRights *find_role_rights(const PodArray<RoleRights> &roles, const Uuid &id) {
  for (const RoleRights &role : roles.span())
    if (role.id == id) return &role;
  return nullptr;
}

}  // namespace tenancy::pg
