// permissions(), who_can(), access_matrix(): decisions of the core, as lists.

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/key_facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/functions/member_reach.hpp"
#include "pg/server/result_rows.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

struct RegisteredPermission {
  const char *resource;
  const char *action;
  PermissionId id;
};

PodArray<RegisteredPermission> read_permissions(const CatalogRead &read) {
  PodArray<RegisteredPermission> permissions;
  CatalogScan scan = begin_scan(read, CatalogIndex::permissions_pkey, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const char *resource = text_column(scan, tuple, attribute::permissions::resource);
    const char *action = text_column(scan, tuple, attribute::permissions::action);
    permissions.append({resource, action, permission_id(resource, action)});
  }
  end_scan(scan);
  return permissions;
}

void add_permissions(ResultRows &rows, const PodArray<RegisteredPermission> &permissions,
                     const Uuid &workspace, const char *name, const Rights &rights) {
  for (const RegisteredPermission &permission : permissions.span()) {
    const char *reached = rows_name(rights.rows(permission.id));
    if (reached == nullptr) continue;
    rows.add_id(workspace);
    rows.add_text(name);
    rows.add_text(permission.resource);
    rows.add_text(permission.action);
    rows.add_text(reached);
    rows.end_row();
  }
}

void add_answer(ResultRows &rows, const char *kind, const Uuid &id, const char *name, Rows reached,
                const char *via) {
  rows.add_text(kind);
  rows.add_id(id);
  rows.add_text(name);
  rows.add_text(rows_name(reached));
  rows.add_text(via);
  rows.end_row();
}

struct Member {
  Uuid user;
  Uuid role;
};

void add_members(PodArray<Member> &members, const CatalogRead &read, CatalogIndex index, int key_count,
                 ScanKey keys) {
  CatalogScan scan = begin_scan(read, index, key_count, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (!has_ended(scan, tuple, attribute::organization_members::ends_at))
      members.append({uuid_column(scan, tuple, attribute::organization_members::user_id),
                      uuid_column(scan, tuple, attribute::organization_members::role_id)});
  end_scan(scan);
}

// The members whose organization role alone reaches rows of the workspace.
void add_members_by_role(PodArray<Member> &members, const CatalogRead &read, const Question &question,
                         const PodArray<RoleRights> &roles) {
  for (const RoleRights &role : roles.span()) {
    if (strcmp(role.level, "organization") != 0 ||
        role.access->authorized(question.permission, question.workspace) == Rows::none)
      continue;
    ScanKeyData keys[2];
    equals(&keys[0], attribute::organization_members::role_id, role.id);
    equals(&keys[1], attribute::organization_members::organization_id, question.organization);
    add_members(members, read, CatalogIndex::organization_members_role_organization_idx, 2, keys);
  }
}

void add_users_as_members(PodArray<Member> &members, const CatalogRead &read, const Question &question,
                          std::span<const Uuid> users) {
  for (const Uuid &user : users)
    if (const Uuid role = read_organization_role(read, question.organization, user); role)
      members.append({user, role});
}

void add_members_of_workspace(PodArray<Member> &members, const CatalogRead &read, const Question &question) {
  PodArray<Uuid> users;
  ScanKeyData key;
  equals(&key, attribute::workspace_members::workspace_id, question.workspace);
  CatalogScan scan = begin_scan(read, CatalogIndex::workspace_members_pkey, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    users.append(uuid_column(scan, tuple, attribute::workspace_members::user_id));
  end_scan(scan);
  add_users_as_members(members, read, question, users.span());
}

bool reaches(const CatalogRead &read, const Question &question, const PodArray<RoleRights> &roles,
             const Uuid &group) {
  bool found = false;
  ScanKeyData key;
  equals(&key, attribute::group_roles::group_id, group);
  CatalogScan scan = begin_scan(read, CatalogIndex::group_roles_key, 1, &key);
  for (HeapTuple tuple; !found && HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Uuid in = uuid_column(scan, tuple, attribute::group_roles::workspace_id);
    const RoleRights *role =
        find_role_rights(roles, uuid_column(scan, tuple, attribute::group_roles::role_id));
    found = role != nullptr && (!in || in == question.workspace) &&
            reach_of_group_role(question, *role, in, question.workspace) != Rows::none;
  }
  end_scan(scan);
  return found;
}

// The members of groups whose roles reach rows of the workspace.
void add_members_of_groups(PodArray<Member> &members, const CatalogRead &read, const Question &question,
                           const PodArray<RoleRights> &roles) {
  PodArray<Uuid> groups;
  ScanKeyData key;
  equals(&key, attribute::groups::organization_id, question.organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::groups_organization_id_name_key, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    groups.append(uuid_column(scan, tuple, attribute::groups::group_id));
  end_scan(scan);
  for (const Uuid &group : groups.span()) {
    if (!reaches(read, question, roles, group)) continue;
    PodArray<Uuid> users;
    equals(&key, attribute::group_members::group_id, group);
    scan = begin_scan(read, CatalogIndex::group_members_pkey, 1, &key);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
      users.append(uuid_column(scan, tuple, attribute::group_members::user_id));
    end_scan(scan);
    add_users_as_members(members, read, question, users.span());
  }
}

// Those who may have the permission, in the order of their ids: in one workspace, not everybody in the
// organization.
PodArray<Member> members_to_ask(const CatalogRead &read, const Question &question,
                                const PodArray<RoleRights> &roles) {
  PodArray<Member> members;
  // Version 1.0 has no such index, and no groups.
  if (question.workspace && has_catalog_index(CatalogIndex::organization_members_role_organization_idx)) {
    add_members_by_role(members, read, question, roles);
    add_members_of_workspace(members, read, question);
    add_members_of_groups(members, read, question, roles);
    add_users_as_members(members, read, question, question.elevated);
    Member *end = members.items + members.count;
    std::sort(members.items, end, [](const Member &a, const Member &b) { return a.user < b.user; });
    members.count = static_cast<int>(
        std::unique(members.items, end, [](const Member &a, const Member &b) { return a.user == b.user; }) -
        members.items);
    return members;
  }
  ScanKeyData key;
  equals(&key, attribute::organization_members::organization_id, question.organization);
  add_members(members, read, CatalogIndex::organization_members_pkey, 1, &key);
  return members;
}

void add_users(ResultRows &rows, const CatalogRead &read, const Question &question,
               const PodArray<RoleRights> &roles) {
  for (const Member &member : members_to_ask(read, question, roles).span()) {
    const Reach reach =
        reach_of_member(read, question, roles, member.user, member.role, question.workspace, true);
    if (reach.rows == Rows::none || !read_user(read, member.user).active) continue;
    add_answer(rows, "user", member.user, read_display_name(read, Entity::user, member.user), reach.rows,
               via_role(read, reach));
  }
}

bool has_scope(const CatalogRead &read, const Question &question, const Uuid &api_key) {
  ScanKeyData keys[3];
  equals(&keys[0], attribute::api_key_scopes::api_key_id, api_key);
  equals(&keys[1], attribute::api_key_scopes::resource, F_TEXTEQ, CStringGetTextDatum(question.resource));
  equals(&keys[2], attribute::api_key_scopes::action, F_TEXTEQ, CStringGetTextDatum(question.action));
  CatalogScan scan = begin_scan(read, CatalogIndex::api_key_scopes_pkey, 3, keys);
  const bool found = HeapTupleIsValid(next_tuple(scan));
  end_scan(scan);
  return found;
}

// A user key's rows, from those of its user in the key's workspace.
Rows reach_of_user_key(const CatalogRead &read, const Question &question, const PodArray<RoleRights> &roles,
                       const Uuid &user, const Uuid &workspace) {
  const Uuid organization_role = read_organization_role(read, question.organization, user);
  if (!organization_role || !read_user(read, user).active) return Rows::none;
  const Reach of_user = reach_of_member(read, question, roles, user, organization_role, workspace, false);
  return rows_of_user_key(of_user.rows, of_user.has_role_there, question.id, permission_classes());
}

void add_keys_found(ResultRows &rows, const CatalogRead &read, const Question &question,
                    const PodArray<RoleRights> &roles, int key_count, ScanKey keys) {
  CatalogScan scan = begin_scan(read, CatalogIndex::api_keys_organization_idx, key_count, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Uuid id = uuid_column(scan, tuple, attribute::api_keys::api_key_id);
    const Uuid workspace = uuid_column(scan, tuple, attribute::api_keys::workspace_id);
    const char *kind = text_column(scan, tuple, attribute::api_keys::kind);
    Rows reached = rows_of_service_key(workspace, question.id, question.workspace, permission_classes());
    if (reached == Rows::none || why_key_has_ended(scan, tuple) != nullptr) continue;
    const bool has_every_scope =
        bool_column(scan, tuple, attribute::api_keys::all_scopes) && !is_off_by_default(question.action);
    if (!has_every_scope && !has_scope(read, question, id)) continue;
    if (key_kind_named(kind) == KeyKind::workspace_user_key)
      reached = reach_of_user_key(read, question, roles,
                                  uuid_column(scan, tuple, attribute::api_keys::user_id), workspace);
    if (reached == Rows::none) continue;
    add_answer(rows, kind, id, text_column(scan, tuple, attribute::api_keys::name), reached, "scope");
  }
  end_scan(scan);
}

// In the workspace, or (nil) of the organization.
void add_keys_in(ResultRows &rows, const CatalogRead &read, const Question &question,
                 const PodArray<RoleRights> &roles, const Uuid &workspace) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::api_keys::organization_id, question.organization);
  if (workspace)
    equals(&keys[1], attribute::api_keys::workspace_id, workspace);
  else
    is_null(&keys[1], attribute::api_keys::workspace_id);
  add_keys_found(rows, read, question, roles, 2, keys);
}

void add_keys(ResultRows &rows, const CatalogRead &read, const Question &question,
              const PodArray<RoleRights> &roles) {
  if (question.workspace) {
    add_keys_in(rows, read, question, roles, question.workspace);
    add_keys_in(rows, read, question, roles, {});
    return;
  }
  ScanKeyData key;
  equals(&key, attribute::api_keys::organization_id, question.organization);
  add_keys_found(rows, read, question, roles, 1, &key);
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_permissions);
Datum pg_tenancy_permissions(PG_FUNCTION_ARGS) {
  ResultRows rows(fcinfo);
  give_back_numbers();
  Principal *principal = current_principal_or_undecided();
  if (principal->kind == PrincipalKind::anonymous) return 0;
  const Access &access = *principal->access;
  const auto all_workspaces =
      access.reaches_every_workspace() ? workspaces_of(*principal) : std::span<const Uuid>();

  CatalogRead read = begin_catalog_read();
  const auto permissions = read_permissions(read);
  add_permissions(rows, permissions, {}, nullptr, access.on_organization());
  const auto add_workspace = [&](const Uuid &workspace) {
    add_permissions(rows, permissions, workspace, read_display_name(read, Entity::workspace, workspace),
                    access.in_workspace(workspace));
  };
  if (access.reaches_every_workspace())
    for (const Uuid &workspace : all_workspaces) add_workspace(workspace);
  else
    for (const auto &entry : access.entries()) add_workspace(entry.workspace);
  end_catalog_read(read);
  return 0;
}

PG_FUNCTION_INFO_V1(pg_tenancy_who_can);
Datum pg_tenancy_who_can(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  ResultRows rows(fcinfo);
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3)) return 0;
  give_back_numbers();
  Question question{};
  question.organization = uuid_of_datum(PG_GETARG_DATUM(0));
  if (!PG_ARGISNULL(1)) question.workspace = uuid_of_datum(PG_GETARG_DATUM(1));
  question.resource = text_to_cstring(PG_GETARG_TEXT_PP(2));
  question.action = text_to_cstring(PG_GETARG_TEXT_PP(3));
  question.permission = registered_permission(question.resource, question.action);
  question.id = permission_id(question.resource, question.action);

  CatalogRead read = begin_catalog_read();
  const auto workspaces = question.workspace ? std::span<const Uuid>(&question.workspace, 1)
                                             : read_workspaces(read, question.organization);
  const auto roles = read_role_rights(read, question.organization, workspaces);
  read_other_roads(read, question);
  add_users(rows, read, question, roles);
  add_keys(rows, read, question, roles);
  end_catalog_read(read);
  return 0;
}

// The roles with a permission in a workspace, or (NULL) on the organization or, with the fifth argument,
// anywhere in it. With the sixth, those that have it over all rows.
PG_FUNCTION_INFO_V1(pg_tenancy_roles_that_may);
Datum pg_tenancy_roles_that_may(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3)) PG_RETURN_NULL();
  give_back_numbers();
  const Uuid organization = uuid_of_datum(PG_GETARG_DATUM(0));
  const char *resource = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const PermissionSet permission = registered_permission(resource, text_to_cstring(PG_GETARG_TEXT_PP(3)));
  const bool anywhere = PG_GETARG_BOOL(4), all_rows = PG_GETARG_BOOL(5);
  // A workspace without settings of its own, where none is named.
  Uuid workspace;
  workspace.bytes.fill(0xff);
  const bool in_workspace = !PG_ARGISNULL(1) && !is_organization_level(resource);
  if (in_workspace) workspace = uuid_of_datum(PG_GETARG_DATUM(1));

  StringInfoData names;
  initStringInfo(&names);
  CatalogRead read = begin_catalog_read();
  for (const RoleRights &role : read_role_rights(read, organization, {&workspace, 1}).span()) {
    const bool of_workspace = strcmp(role.level, "workspace") == 0;
    Rows rows = Rows::none;
    if (of_workspace)
      rows = (in_workspace || anywhere) && !is_organization_level(resource)
                 ? role.access->in_workspace(workspace).rows(permission)
                 : Rows::none;
    else if (in_workspace)
      rows = role.access->authorized(permission, workspace);
    else
      rows = anywhere ? role.access->anywhere(permission) : role.access->on_organization().rows(permission);
    if (rows == Rows::all || (rows == Rows::own && !all_rows))
      appendStringInfo(&names, "%s%s %s", names.len > 0 ? ", " : "", role.level, role.name);
  }
  end_catalog_read(read);
  if (names.len == 0) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(names.data));
}

// The groups' rows of access_matrix(): the permissions that each gives its members, and by which role.
static void add_groups(ResultRows &rows, const CatalogRead &read, const Uuid &organization,
                       const PodArray<RegisteredPermission> &permissions) {
  // Version 1.0 has none.
  if (!has_catalog_index(CatalogIndex::groups_pkey)) return;
  ScanKeyData key;
  equals(&key, attribute::groups::organization_id, organization);
  CatalogScan groups = begin_scan(read, CatalogIndex::groups_organization_id_name_key, 1, &key);
  for (HeapTuple group; HeapTupleIsValid(group = next_tuple(groups));) {
    const Uuid id = uuid_column(groups, group, attribute::groups::group_id);
    const char *name = text_column(groups, group, attribute::groups::name);
    const std::span<const GroupRole> roles_given = read_group_roles(read, organization, Uuid{}, {{&id, 1}});
    for (const GroupRole &given : roles_given) {
      const auto roles = read_role_rights(read, organization, {&given.workspace, 1});
      const RoleRights *role = find_role_rights(roles, given.role);
      if (role == nullptr) continue;
      const Rights &rights =
          given.workspace ? role->access->in_workspace(given.workspace) : role->access->on_organization();
      const char *source = given.workspace
                               ? psprintf("workspace role %s in %s", role->name,
                                          read_display_name(read, Entity::workspace, given.workspace))
                               : psprintf("organization role %s", role->name);
      for (const RegisteredPermission &permission : permissions.span()) {
        if (rights.rows(permission.id) == Rows::none) continue;
        rows.add_text("group");
        rows.add_text(name);
        rows.add_text(permission.resource);
        rows.add_text(permission.action);
        rows.add(BoolGetDatum(true));
        rows.add_text(source);
        rows.end_row();
      }
    }
  }
  end_scan(groups);
}

PG_FUNCTION_INFO_V1(pg_tenancy_access_matrix);
Datum pg_tenancy_access_matrix(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  ResultRows rows(fcinfo);
  if (PG_ARGISNULL(0)) return 0;
  give_back_numbers();
  const Uuid organization = uuid_of_datum(PG_GETARG_DATUM(0));
  // Stands for a workspace without settings of its own: any id that doesn't exist.
  Uuid ordinary;
  ordinary.bytes.fill(0xff);

  CatalogRead read = begin_catalog_read();
  const auto permissions = read_permissions(read);
  const auto roles = read_role_rights(read, organization, {&ordinary, 1});
  for (const RoleRights &role : roles.span()) {
    const Level level = level_named(role.level).value_or(Level::workspace);
    const Rights &rights =
        level == Level::workspace ? role.access->in_workspace(ordinary) : role.access->on_organization();
    for (const RegisteredPermission &permission : permissions.span()) {
      if (!can_hold(level, permission.resource)) continue;
      const auto overrides = role.facts.overrides;
      const bool overridden = std::any_of(overrides.begin(), overrides.end(), [&](const GrantOverride &row) {
        return row.role == role.id && !row.workspace && row.permission == permission.id;
      });
      rows.add_text(role.level);
      rows.add_text(role.name);
      rows.add_text(permission.resource);
      rows.add_text(permission.action);
      rows.add(BoolGetDatum(rights.rows(permission.id) != Rows::none));
      rows.add_text(overridden ? "organization" : role.built_in ? "built-in" : "not granted");
      rows.end_row();
    }
  }
  add_groups(rows, read, organization, permissions);
  end_catalog_read(read);
  return 0;
}
}

}  // namespace tenancy::pg
