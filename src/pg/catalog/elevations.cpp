#include "pg/catalog/elevations.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/roles.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

// A member without elevations, as the core asks for it.
struct SubjectRead {
  PodArray<Uuid> roles;
  PodArray<Uuid> groups;
  TimestampTz until = DT_NOEND;

  ElevationSubject of(const Uuid &user) const { return {user, roles.span(), groups.span()}; }
};

SubjectRead read_subject(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                         const Uuid &workspace) {
  SubjectRead subject;
  if (const Uuid role = read_organization_role(read, organization, user, &subject.until); role)
    subject.roles.append(role);
  if (workspace) {
    ScanKeyData keys[2];
    equals(&keys[0], attribute::workspace_members::workspace_id, workspace);
    equals(&keys[1], attribute::workspace_members::user_id, user);
    CatalogScan scan = begin_scan(read, CatalogIndex::workspace_members_pkey, 2, keys);
    if (const HeapTuple tuple = next_tuple(scan);
        HeapTupleIsValid(tuple) &&
        !has_ended(scan, tuple, attribute::workspace_members::ends_at, &subject.until))
      subject.roles.append(uuid_column(scan, tuple, attribute::workspace_members::role_id));
    end_scan(scan);
  }
  const std::span<const GroupRole> roles_by_groups = read_group_roles(read, organization, user);
  for (const GroupRole &row : roles_by_groups) {
    if (row.workspace && row.workspace != workspace) continue;
    subject.roles.append(row.role);
    subject.until = Min(subject.until, row.until);
  }
  for (const GroupMembership &membership : read_groups(read, organization, user)) {
    subject.groups.append(membership.group);
    subject.until = Min(subject.until, membership.until);
  }
  return subject;
}

ElevationRule rule_of(const CatalogScan &scan, HeapTuple tuple) {
  using namespace attribute::elevation_rules;
  ElevationRule rule;
  rule.id = uuid_column(scan, tuple, rule_id);
  rule.role = uuid_column(scan, tuple, role_id);
  rule.user = uuid_column(scan, tuple, user_id);
  rule.subject_role = uuid_column(scan, tuple, subject_role_id);
  rule.group = uuid_column(scan, tuple, group_id);
  rule.needs_approval = bool_column(scan, tuple, approval);
  bool is_null = false;
  rule.left_today = DatumGetInt32(column(scan, tuple, per_day, &is_null));
  return rule;
}

// Not for moments to come, which may be too late to add anything to. As a timestamp: its days have 24 hours,
// whatever time zone the session has chosen.
TimestampTz latest_end_of(const CatalogScan &scan, HeapTuple tuple) {
  bool is_null = false;
  const Datum maximum = column(scan, tuple, attribute::elevation_rules::maximum, &is_null);
  return DatumGetTimestampTz(
      DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(scan.moment), maximum));
}

// Without a row, the rule of an elevation that is about to go with it: about nobody.
ElevationRule read_rule(const CatalogRead &read, const Uuid &id) {
  ElevationRule rule;
  ScanKeyData key;
  equals(&key, attribute::elevation_rules::rule_id, id);
  CatalogScan scan = begin_scan(read, CatalogIndex::elevation_rules_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) rule = rule_of(scan, tuple);
  end_scan(scan);
  return rule;
}

// An elevation without an end waits for its approval.
bool is_current(const CatalogScan &scan, HeapTuple tuple, TimestampTz *until = nullptr) {
  return !is_null_column(scan, tuple, attribute::elevations::ends_at) &&
         !has_ended(scan, tuple, attribute::elevations::ends_at, until);
}

CatalogScan begin_scan_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::elevations::user_id, user);
  equals(&keys[1], attribute::elevations::organization_id, organization);
  return begin_scan(read, CatalogIndex::elevations_user_idx, 2, keys);
}

}  // namespace

std::span<const ElevatedRole> read_elevated_roles(const CatalogRead &read, const Uuid &organization,
                                                  const Uuid &user) {
  // Version 1.0 has none.
  if (!has_catalog_index(CatalogIndex::elevations_user_idx)) return {};
  struct Taken {
    Uuid rule;
    ElevatedRole role;
  };
  PodArray<Taken> taken;
  CatalogScan scan = begin_scan_of_user(read, organization, user);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    TimestampTz until = DT_NOEND;
    if (is_current(scan, tuple, &until))
      taken.append({uuid_column(scan, tuple, attribute::elevations::rule_id),
                    {uuid_column(scan, tuple, attribute::elevations::workspace_id),
                     uuid_column(scan, tuple, attribute::elevations::role_id), until}});
  }
  end_scan(scan);
  PodArray<ElevatedRole> roles;
  for (const Taken &one : taken.span()) {
    const SubjectRead subject = read_subject(read, organization, user, one.role.workspace);
    const ElevationRule rule = read_rule(read, one.rule);
    if (rule.role == one.role.role && is_about(rule, subject.of(user)))
      roles.append({one.role.workspace, one.role.role, Min(one.role.until, subject.until)});
  }
  return roles.span();
}

std::span<const Uuid> read_elevated_members(const CatalogRead &read, const Uuid &organization) {
  if (!has_catalog_index(CatalogIndex::elevations_organization_idx)) return {};
  PodArray<Uuid> users;
  ScanKeyData key;
  equals(&key, attribute::elevations::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::elevations_organization_idx, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (is_current(scan, tuple)) users.append(uuid_column(scan, tuple, attribute::elevations::user_id));
  end_scan(scan);
  return users.span();
}

ElevationDecision decide_elevation(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                                   const Uuid &workspace, const Uuid &role, TimestampTz end,
                                   const Uuid &besides) {
  PodArray<ElevationRule> rules;
  ScanKeyData keys[2];
  equals(&keys[0], attribute::elevation_rules::organization_id, organization);
  equals(&keys[1], attribute::elevation_rules::role_id, role);
  CatalogScan scan = begin_scan(read, CatalogIndex::elevation_rules_key, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    ElevationRule rule = rule_of(scan, tuple);
    rule.latest_end = latest_end_of(scan, tuple);
    rules.append(rule);
  }
  end_scan(scan);

  scan = begin_scan_of_user(read, organization, user);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Uuid by = uuid_column(scan, tuple, attribute::elevations::rule_id);
    if (uuid_column(scan, tuple, attribute::elevations::elevation_id) == besides ||
        time_column(scan, tuple, attribute::elevations::created_at) <= read.moment - USECS_PER_DAY)
      continue;
    for (int i = 0; i < rules.count; i++)
      if (rules.items[i].id == by) rules.items[i].left_today--;
  }
  end_scan(scan);
  const SubjectRead subject = read_subject(read, organization, user, workspace);
  return decide_elevation(rules.span(), subject.of(user), role, end);
}

UserFacts with_takable_roles(const CatalogRead &read, const UserFacts &facts, const Uuid &user,
                             const Uuid &group) {
  if (!has_catalog_index(CatalogIndex::elevation_rules_key)) return facts;
  PodArray<ElevationRule> rules;
  ScanKeyData key;
  equals(&key, attribute::elevation_rules::organization_id, facts.organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::elevation_rules_key, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) rules.append(rule_of(scan, tuple));
  end_scan(scan);
  if (rules.count == 0) return facts;

  PodArray<Uuid> groups;
  if (group) groups.append(group);
  if (user)
    for (const GroupMembership &membership : read_groups(read, facts.organization, user))
      groups.append(membership.group);
  PodArray<Uuid> everywhere;  // roles that count wherever something is taken
  if (facts.organization_role) everywhere.append(facts.organization_role);
  PodArray<Uuid> on_organization;
  for (const Uuid &role : facts.group_roles) {
    everywhere.append(role);
    on_organization.append(role);
  }
  PodArray<WorkspaceMembership> in_workspaces;
  for (const WorkspaceMembership &membership : facts.memberships) in_workspaces.append(membership);

  for (const ElevationRule &rule : rules.span()) {
    const auto level = read_role_level(read, rule.role);
    if (!level) continue;
    if (is_about(rule, {user, everywhere.span(), groups.span()})) {
      if (*level == Level::organization) {
        on_organization.append(rule.role);
        continue;
      }
      for (const Uuid &workspace : read_workspaces(read, facts.organization))
        in_workspaces.append({workspace, rule.role});
      Uuid to_come;  // stands for any workspace that is made later
      to_come.bytes.fill(0xff);
      in_workspaces.append({to_come, rule.role});
    } else if (*level == Level::workspace) {
      for (const WorkspaceMembership &membership : facts.memberships)
        if (is_about(rule, {{}, {&membership.role, 1}, {}}))
          in_workspaces.append({membership.workspace, rule.role});
    }
  }
  UserFacts all = read_role_facts(read, facts.organization, facts.organization_role, in_workspaces.span(),
                                  on_organization.span());
  all.until = Min(all.until, facts.until);
  all.elevated = facts.elevated;
  return all;
}

}  // namespace tenancy::pg
