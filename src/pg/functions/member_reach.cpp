#include "pg/functions/member_reach.hpp"

#include <algorithm>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/elevations.hpp"
#include "pg/catalog/entity_names.hpp"

namespace tenancy::pg {
namespace {

void improve(Reach &reach, Rows rows, const RoleRights *role, const Uuid &group = {}, bool elevated = false) {
  if (rows <= reach.rows) return;
  reach.elevated = elevated;
  reach.rows = rows;
  reach.role = role;
  reach.group = group;
}

bool has_groups(const CatalogRead &read, const Uuid &organization) {
  // Version 1.0 has none.
  if (!has_catalog_index(CatalogIndex::groups_organization_id_name_key)) return false;
  ScanKeyData key;
  equals(&key, attribute::groups::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::groups_organization_id_name_key, 1, &key);
  const bool found = HeapTupleIsValid(next_tuple(scan));
  end_scan(scan);
  return found;
}

}  // namespace

void read_other_roads(const CatalogRead &read, Question &question) {
  question.has_groups = has_groups(read, question.organization);
  PodArray<Uuid> elevated;
  for (const Uuid &user : read_elevated_members(read, question.organization)) elevated.append(user);
  std::sort(elevated.items, elevated.items + elevated.count);
  question.elevated = elevated.span();
}

Rows reach_of_group_role(const Question &question, const RoleRights &role, const Uuid &in,
                         const Uuid &workspace) {
  return in ? role.access->in_workspace(in).rows(question.permission)
            : role.access->authorized(question.permission, workspace);
}

Reach reach_of_member(const CatalogRead &read, const Question &question, const PodArray<RoleRights> &roles,
                      const Uuid &user, const Uuid &organization_role, const Uuid &workspace, bool session) {
  Reach reach{};
  if (const RoleRights *role = find_role_rights(roles, organization_role)) {
    improve(reach, role->access->authorized(question.permission, workspace), role);
    reach.has_role_there = role->access->reaches_every_workspace();
  }
  ScanKeyData keys[2];
  CatalogIndex index = CatalogIndex::workspace_members_user_idx;
  if (workspace) {
    index = CatalogIndex::workspace_members_pkey;
    equals(&keys[0], attribute::workspace_members::workspace_id, workspace);
    equals(&keys[1], attribute::workspace_members::user_id, user);
  } else {
    equals(&keys[0], attribute::workspace_members::user_id, user);
    equals(&keys[1], attribute::workspace_members::organization_id, question.organization);
  }
  CatalogScan scan = begin_scan(read, index, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Uuid in = uuid_column(scan, tuple, attribute::workspace_members::workspace_id);
    if (uuid_column(scan, tuple, attribute::workspace_members::organization_id) != question.organization ||
        has_ended(scan, tuple, attribute::workspace_members::ends_at))
      continue;
    const RoleRights *role =
        find_role_rights(roles, uuid_column(scan, tuple, attribute::workspace_members::role_id));
    if (role == nullptr) continue;
    improve(reach, role->access->in_workspace(in).rows(question.permission), role);
    reach.has_role_there = true;
  }
  end_scan(scan);
  const bool is_elevated =
      session && std::binary_search(question.elevated.begin(), question.elevated.end(), user);
  if (!question.has_groups && !is_elevated) return reach;
  const SessionRoles besides{{}, is_elevated};
  const std::span<const GroupRole> roles_by_groups =
      read_group_roles(read, question.organization, user, besides);
  for (const GroupRole &row : roles_by_groups) {
    const RoleRights *role = find_role_rights(roles, row.role);
    if (role == nullptr || (row.workspace && workspace && row.workspace != workspace)) continue;
    improve(reach, reach_of_group_role(question, *role, row.workspace, workspace), role, row.group,
            !row.group);
    if (row.workspace || role->access->reaches_every_workspace()) reach.has_role_there = true;
  }
  return reach;
}

const char *via_role(const CatalogRead &read, const Reach &reach) {
  const char *role = psprintf("%s role %s", reach.role->level, reach.role->name);
  if (reach.elevated) return psprintf("%s by elevation", role);
  return reach.group ? psprintf("%s of group %s", role, read_group_name(read, reach.group)) : role;
}

}  // namespace tenancy::pg
