#include "pg/catalog/facts.hpp"

#include <algorithm>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/elevations.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/roles.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/statement_time.hpp"

namespace tenancy::pg {
namespace {

void read_overrides(const CatalogRead &read, const UserFacts &facts, const Uuid &role, Level level,
                    PodArray<GrantOverride> &overrides, TimestampTz &until) {
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
    // The end of a denial is one too: more is allowed from then on.
    if (row.counts && !has_ended(scan, tuple, attribute::grants::ends_at, &until)) overrides.append(row);
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

// Whether the organization has rows of its own in grants, visibility and workspace_overrides, or had.
bool has_overrides(const CatalogRead &read, const Uuid &organization) {
  ScanKeyData key;
  equals(&key, attribute::organizations::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::organizations_pkey, 1, &key);
  bool result = true;
  // Version 1.0 has no such column.
  if (const HeapTuple tuple = next_tuple(scan);
      HeapTupleIsValid(tuple) && !is_null_column(scan, tuple, attribute::organizations::has_overrides))
    result = bool_column(scan, tuple, attribute::organizations::has_overrides);
  end_scan(scan);
  return result;
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

}  // namespace

// An end is exclusive: a statement that begins at it has what the row gives no longer.
bool has_ended(const CatalogScan &scan, HeapTuple tuple, AttrNumber ends_at, TimestampTz *until) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, ends_at, &is_null);
  if (is_null) return false;
  const TimestampTz end = DatumGetTimestampTz(datum);
  if (end <= scan.moment) return true;
  if (until != nullptr) *until = Min(*until, end);
  return false;
}

namespace {

OrganizationMembership membership_of(const CatalogScan &scan, HeapTuple tuple) {
  OrganizationMembership membership{};
  membership.until = DT_NOEND;
  if (has_ended(scan, tuple, attribute::organization_members::ends_at, &membership.until)) return {};
  membership.organization = uuid_column(scan, tuple, attribute::organization_members::organization_id);
  membership.role = uuid_column(scan, tuple, attribute::organization_members::role_id);
  membership.has_more_roles = bool_column(scan, tuple, attribute::organization_members::has_more_roles);
  return membership;
}

}  // namespace

OrganizationMembership read_membership(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  OrganizationMembership membership{};
  ScanKeyData keys[2];
  equals(&keys[0], attribute::organization_members::organization_id, organization);
  equals(&keys[1], attribute::organization_members::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_pkey, 2, keys);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    membership = membership_of(scan, tuple);
  end_scan(scan);
  return membership;
}

Uuid read_organization_role(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                            TimestampTz *until) {
  const OrganizationMembership membership = read_membership(read, organization, user);
  if (until != nullptr) *until = membership.role ? membership.until : DT_NOEND;
  return membership.role;
}

namespace {

// Since when memberships may have ended that still count: a day ago, unless the organization says otherwise.
TimestampTz grace_begins(const CatalogRead &read, const Uuid &organization) {
  int hours = 24;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::logging_settings::organization_id, organization);
  is_null(&keys[1], attribute::logging_settings::workspace_id);
  CatalogScan scan = begin_scan(read, CatalogIndex::logging_settings_key, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (strcmp(text_column(scan, tuple, attribute::logging_settings::setting), "attribution_grace_hours") ==
        0)
      hours = pg_strtoint32(text_column(scan, tuple, attribute::logging_settings::value));
  end_scan(scan);
  return statement_time() - static_cast<TimestampTz>(hours) * SECS_PER_HOUR * USECS_PER_SEC;
}

bool counts_since(const CatalogScan &scan, HeapTuple tuple, AttrNumber ends_at, TimestampTz since) {
  bool is_null = false;
  const Datum end = column(scan, tuple, ends_at, &is_null);
  return is_null || DatumGetTimestampTz(end) > since;
}

}  // namespace

UserFactsRead read_facts_with_grace(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  const TimestampTz since = grace_begins(read, organization);
  Uuid role;
  PodArray<WorkspaceMembership> memberships;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::organization_members::organization_id, organization);
  equals(&keys[1], attribute::organization_members::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_pkey, 2, keys);
  if (const HeapTuple tuple = next_tuple(scan);
      HeapTupleIsValid(tuple) && counts_since(scan, tuple, attribute::organization_members::ends_at, since))
    role = uuid_column(scan, tuple, attribute::organization_members::role_id);
  end_scan(scan);
  equals(&keys[0], attribute::workspace_members::user_id, user);
  equals(&keys[1], attribute::workspace_members::organization_id, organization);
  scan = begin_scan(read, CatalogIndex::workspace_members_user_idx, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (counts_since(scan, tuple, attribute::workspace_members::ends_at, since))
      memberships.append({uuid_column(scan, tuple, attribute::workspace_members::workspace_id),
                          uuid_column(scan, tuple, attribute::workspace_members::role_id)});
  end_scan(scan);
  equals(&keys[0], attribute::former_members::organization_id, organization);
  equals(&keys[1], attribute::former_members::user_id, user);
  scan = begin_scan(read, CatalogIndex::former_members_user_idx, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    if (time_column(scan, tuple, attribute::former_members::left_at) <= since) continue;
    const Uuid workspace = uuid_column(scan, tuple, attribute::former_members::workspace_id);
    const Uuid former = uuid_column(scan, tuple, attribute::former_members::role_id);
    if (workspace)
      memberships.append({workspace, former});
    else if (!role)
      role = former;
  }
  end_scan(scan);
  if (!role) return {};
  return {true, read_role_facts(read, organization, role, memberships.span())};
}

UserFacts read_member_facts(const CatalogRead &read, const OrganizationMembership &membership,
                            const Uuid &user, const Uuid &only, const SessionRoles &besides) {
  const Uuid &organization = membership.organization;
  PodArray<WorkspaceMembership> memberships;
  PodArray<Uuid> group_roles;
  ScanKeyData keys[2];
  CatalogIndex index = CatalogIndex::workspace_members_user_idx;
  if (only) {
    index = CatalogIndex::workspace_members_pkey;
    equals(&keys[0], attribute::workspace_members::workspace_id, only);
    equals(&keys[1], attribute::workspace_members::user_id, user);
  } else {
    equals(&keys[0], attribute::workspace_members::user_id, user);
    equals(&keys[1], attribute::workspace_members::organization_id, organization);
  }
  CatalogScan scan = begin_scan(read, index, 2, keys);
  TimestampTz until = DT_NOEND;
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (uuid_column(scan, tuple, attribute::workspace_members::organization_id) == organization &&
        !has_ended(scan, tuple, attribute::workspace_members::ends_at, &until))
      memberships.append({uuid_column(scan, tuple, attribute::workspace_members::workspace_id),
                          uuid_column(scan, tuple, attribute::workspace_members::role_id)});
  end_scan(scan);
  bool elevated = false;
  std::span<const GroupRole> more_roles;
  if (membership.has_more_roles || !besides.token_groups.empty())
    more_roles = read_group_roles(read, organization, user, besides);
  for (const GroupRole &row : more_roles) {
    if (row.workspace && only && row.workspace != only) continue;
    until = Min(until, row.until);
    elevated = elevated || !row.group;
    if (!row.workspace)
      add_once(group_roles, row.role);
    else
      memberships.append({row.workspace, row.role});
  }
  UserFacts facts =
      read_role_facts(read, organization, membership.role, memberships.span(), group_roles.span());
  facts.until = Min(facts.until, until);
  facts.elevated = elevated;
  return facts;
}

UserFactsRead read_user_facts(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                              const SessionRoles &besides) {
  const OrganizationMembership membership = read_membership(read, organization, user);
  if (!membership.role) return {};
  UserFacts facts = read_member_facts(read, membership, user, {}, besides);
  facts.until = Min(facts.until, membership.until);
  return {true, facts};
}

namespace {

void add_roles_of_group(const CatalogRead &read, const Uuid &organization, const Uuid &group,
                        TimestampTz membership_until, PodArray<GroupRole> &roles) {
  ScanKeyData key;
  equals(&key, attribute::group_roles::group_id, group);
  CatalogScan scan = begin_scan(read, CatalogIndex::group_roles_key, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    TimestampTz until = membership_until;
    if (uuid_column(scan, tuple, attribute::group_roles::organization_id) == organization &&
        !has_ended(scan, tuple, attribute::group_roles::ends_at, &until))
      roles.append({group, uuid_column(scan, tuple, attribute::group_roles::workspace_id),
                    uuid_column(scan, tuple, attribute::group_roles::role_id), until});
  }
  end_scan(scan);
}

}  // namespace

std::span<const GroupMembership> read_groups(const CatalogRead &read, const Uuid &organization,
                                             const Uuid &user) {
  PodArray<GroupMembership> groups;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::group_members::user_id, user);
  equals(&keys[1], attribute::group_members::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::group_members_user_idx, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    TimestampTz until = DT_NOEND;
    if (!has_ended(scan, tuple, attribute::group_members::ends_at, &until))
      groups.append({uuid_column(scan, tuple, attribute::group_members::group_id), until});
  }
  end_scan(scan);
  return groups.span();
}

std::span<const GroupRole> read_group_roles(const CatalogRead &read, const Uuid &organization,
                                            const Uuid &user, const SessionRoles &besides) {
  // Version 1.0 has no groups.
  if (!has_catalog_index(CatalogIndex::group_members_user_idx)) return {};
  PodArray<GroupRole> roles;
  for (const Uuid &group : besides.token_groups)
    add_roles_of_group(read, organization, group, DT_NOEND, roles);
  for (const GroupMembership &membership : read_groups(read, organization, user))
    add_roles_of_group(read, organization, membership.group, membership.until, roles);
  if (besides.elevated)
    for (const ElevatedRole &elevation : read_elevated_roles(read, organization, user))
      roles.append({{}, elevation.workspace, elevation.role, elevation.until});
  return roles.span();
}

Uuid find_token_group(const CatalogRead &read, const Uuid &organization, const Uuid &trust, Datum name) {
  Uuid group;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::groups::organization_id, organization);
  equals(&keys[1], attribute::groups::name, F_TEXTEQ, name);
  CatalogScan scan = begin_scan(read, CatalogIndex::groups_organization_id_name_key, 2, keys);
  if (const HeapTuple tuple = next_tuple(scan);
      HeapTupleIsValid(tuple) && uuid_column(scan, tuple, attribute::groups::trust_id) == trust)
    group = uuid_column(scan, tuple, attribute::groups::group_id);
  end_scan(scan);
  return group;
}

UserFacts read_role_facts(const CatalogRead &read, const Uuid &organization, const Uuid &organization_role,
                          std::span<const WorkspaceMembership> memberships,
                          std::span<const Uuid> group_roles) {
  UserFacts facts{};
  facts.organization = organization;
  facts.organization_role = organization_role;
  facts.group_roles = group_roles;
  facts.memberships = memberships;

  PodArray<Uuid> role_ids;
  if (organization_role) role_ids.append(organization_role);
  for (const Uuid &role : group_roles) add_once(role_ids, role);
  const int organization_roles = role_ids.count;
  for (const WorkspaceMembership &membership : memberships) add_once(role_ids, membership.role);

  PodArray<Role> roles;
  for (const Uuid &id : role_ids.span()) roles.append(read_role(read, id));
  PodArray<GrantOverride> overrides;
  PodArray<VisibilitySwitch> visibility;
  TimestampTz until = DT_NOEND;
  if (has_overrides(read, organization)) {
    facts.open_to_workspaces = read_open_categories(read, organization);
    for (int i = 0; i < role_ids.count; i++)
      read_overrides(read, facts, role_ids.items[i],
                     i < organization_roles ? Level::organization : Level::workspace, overrides, until);
    add_once(role_ids, workspace_member_role);  // custom roles follow it
    for (const Uuid &id : role_ids.span())
      read_visibility(read, organization, id, facts.open_to_workspaces, visibility);
  }
  facts.until = until;

  facts.roles = roles.span();
  facts.overrides = overrides.span();
  facts.visibility = visibility.span();
  facts.classes = &permission_classes();
  // Needed only if a role is restricted to own rows.
  if (std::any_of(facts.visibility.begin(), facts.visibility.end(),
                  [](const VisibilitySwitch &row) { return !row.all_rows; }))
    facts.shared = registered_permissions(read).shared;
  return facts;
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

std::span<const OrganizationMembership> read_organizations_of_user(const CatalogRead &read,
                                                                   const Uuid &user) {
  PodArray<OrganizationMembership> memberships;
  ScanKeyData key;
  equals(&key, attribute::organization_members::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_user_idx, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const OrganizationMembership membership = membership_of(scan, tuple);
    if (membership.role) memberships.append(membership);
  }
  end_scan(scan);
  std::sort(memberships.items, memberships.items + memberships.count,
            [](const OrganizationMembership &a, const OrganizationMembership &b) {
              return a.organization < b.organization;
            });
  return memberships.span();
}

OrganizationMembership read_only_organization(const CatalogRead &read, const Uuid &user, bool &several,
                                              TimestampTz &until) {
  const auto organizations = read_organizations_of_user(read, user);
  several = organizations.size() > 1;
  for (const OrganizationMembership &membership : organizations) until = Min(until, membership.until);
  return several || organizations.empty() ? OrganizationMembership{} : organizations.front();
}

}  // namespace tenancy::pg
