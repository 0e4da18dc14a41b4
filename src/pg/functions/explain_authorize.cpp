// explain_authorize(): each role, grant, override, switch and scope involved, and the outcome. The core
// computes the outcome and the rights of each role; the rows between give the reasons.

#include <algorithm>

#include "core/credential/api_key.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/key_facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/functions/role_rights.hpp"
#include "pg/server/quotable.hpp"
#include "pg/server/result_rows.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

struct Explanation {
  ResultRows *rows;
  int step;
  const char *resource;
  const char *action;
  PermissionId id;
  Uuid workspace;  // nil: anywhere
};

void add_step(Explanation &explanation, const char *rule, const char *source, const char *result) {
  explanation.rows->add(Int32GetDatum(++explanation.step));
  explanation.rows->add_text(rule);
  explanation.rows->add_text(source);
  explanation.rows->add_text(result);
  explanation.rows->end_row();
}

constexpr const char *by_elevation = " by elevation";

const char *allowed(bool yes) { return yes ? "allowed" : "denied"; }

const char *outcome(Rows rows) {
  switch (rows) {
    case Rows::all:
      return "allowed, all rows";
    case Rows::own:
      return "allowed, own rows";
    case Rows::none:
      break;
  }
  return "denied";
}

// The rows of grants for one role and the permission, whether they count or not.
void explain_grants(Explanation &explanation, const CatalogRead &read, const Uuid &organization,
                    const char *name, const RoleRights &role) {
  const Level level = level_named(role.level).value_or(Level::workspace);
  ScanKeyData key;
  equals(&key, attribute::grants::role_id, role.id);
  CatalogScan scan = begin_scan(read, CatalogIndex::grants_key, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Uuid row_organization = uuid_column(scan, tuple, attribute::grants::organization_id);
    const Uuid row_workspace = uuid_column(scan, tuple, attribute::grants::workspace_id);
    if ((row_organization && row_organization != organization) ||
        (row_workspace && row_workspace != explanation.workspace))
      continue;
    if (strcmp(text_column(scan, tuple, attribute::grants::resource), explanation.resource) != 0 ||
        strcmp(text_column(scan, tuple, attribute::grants::action), explanation.action) != 0)
      continue;
    const bool is_allowed = bool_column(scan, tuple, attribute::grants::allowed);
    const bool counts =
        !row_organization ||
        override_counts({role.id, level, !row_workspace.is_nil(), is_allowed}, explanation.resource,
                        explanation.action, role.facts.open_to_workspaces);
    add_step(explanation, psprintf("grant of %s", name),
             row_workspace      ? "workspace"
             : row_organization ? "organization"
                                : "built-in",
             has_ended(scan, tuple, attribute::grants::ends_at) ? "ended"
             : counts                                           ? allowed(is_allowed)
                                                                : "ignored");
  }
  end_scan(scan);
}

void explain_visibility(Explanation &explanation, const RoleRights &role) {
  for (const VisibilitySwitch &row : role.facts.visibility) {
    if (row.workspace && row.workspace != explanation.workspace) continue;
    if (row.role != role.id && role.built_in) continue;  // only a custom role follows another's switch
    const char *whose = row.role == role.id ? role.name : "member";
    add_step(explanation, psprintf("data visibility of workspace role %s", whose),
             row.workspace ? "workspace" : "organization", row.all_rows ? "all rows" : "own rows");
  }
}

void explain_role(Explanation &explanation, const CatalogRead &read, const Principal &principal,
                  const RoleRights &role) {
  const char *name = psprintf("%s role %s", role.level, role.name);
  explain_grants(explanation, read, principal.organization, name, role);
  if (level_named(role.level) == Level::workspace && !is_above_visibility(role.id) &&
      !registered_permissions(read).shared.contains(explanation.id))
    explain_visibility(explanation, role);
  PermissionSet permission;
  permission.add(explanation.id);
  const Rows reached = role.access->authorized(permission, explanation.workspace);
  add_step(explanation, psprintf("%s as a whole", name), "roles", outcome(reached));
}

// As in tenancy.groups, and its own user.
bool sees_group_role(const Principal &principal, const GroupRole &row) {
  if (is_user_itself(principal)) return true;
  PermissionSet list_team;
  list_team.add(permission_id("team", "list"));
  return row.workspace ? principal.access->in_workspace(row.workspace).rows(list_team) != Rows::none
                       : principal.access->on_organization().rows(list_team) == Rows::all;
}

void explain_user(Explanation &explanation, const CatalogRead &read, const Principal &principal) {
  const bool active = read_user(read, principal.user).active;
  add_step(explanation, psprintf("user %s is active", read_display_name(read, Entity::user, principal.user)),
           "users", active ? "yes" : "no");
  const SessionRoles besides{principal.token_groups, principal.kind == PrincipalKind::user};
  const UserFactsRead user = read_user_facts(read, principal.organization, principal.user, besides);
  add_step(explanation, "user is a member of the organization", "organization_members",
           user.is_member ? "yes" : "no");
  if (!active || !user.is_member) return;

  PodArray<Uuid> workspaces;
  for (const auto &membership : user.facts.memberships) workspaces.append(membership.workspace);
  if (explanation.workspace) workspaces.append(explanation.workspace);
  const auto roles = read_role_rights(read, principal.organization, workspaces.span());
  const auto groups = read_group_roles(read, principal.organization, principal.user, besides);
  // A key is not told of other workspaces, where none of the user's roles counts for it.
  const auto is_in_reach = [&](const Uuid &workspace) {
    return (!explanation.workspace || workspace == explanation.workspace) &&
           (!principal.workspace || workspace == principal.workspace);
  };
  const auto explain_organization_role = [&](const Uuid &id, const char *by_group) {
    const RoleRights *role = find_role_rights(roles, id);
    if (role == nullptr) return;
    add_step(explanation, psprintf("organization role %s%s", role->name, by_group),
             *by_group == '\0'          ? "organization_members"
             : by_group == by_elevation ? "elevations"
                                        : "group_roles",
             role->access->reaches_every_workspace() ? "reaches every workspace"
                                                     : "counts on the organization level only");
    explain_role(explanation, read, principal, *role);
  };
  const auto explain_workspace_role = [&](const Uuid &workspace, const Uuid &id, const char *by_group) {
    const RoleRights *role = find_role_rights(roles, id);
    if (role == nullptr || !is_in_reach(workspace)) return;
    add_step(explanation, psprintf("workspace role %s%s", role->name, by_group),
             *by_group == '\0'          ? "workspace_members"
             : by_group == by_elevation ? "elevations"
                                        : "group_roles",
             read_display_name(read, Entity::workspace, workspace));
    explain_role(explanation, read, principal, *role);
  };
  const auto named = [&](const GroupRole &row) {
    if (!row.group) return by_elevation;
    if (!sees_group_role(principal, row)) return " of a group";
    return static_cast<const char *>(psprintf(" of group %s", read_group_name(read, row.group)));
  };
  explain_organization_role(user.facts.organization_role, "");
  for (const GroupRole &row : groups)
    if (!row.workspace) explain_organization_role(row.role, named(row));
  // The groups' roles are the last of the memberships.
  const size_t of_groups = static_cast<size_t>(
      std::count_if(groups.begin(), groups.end(), [](const GroupRole &row) { return bool{row.workspace}; }));
  for (const auto &membership : user.facts.memberships.first(user.facts.memberships.size() - of_groups))
    explain_workspace_role(membership.workspace, membership.role, "");
  for (const GroupRole &row : groups)
    if (row.workspace) explain_workspace_role(row.workspace, row.role, named(row));
}

void explain_credential(Explanation &explanation, const CatalogRead &read, const Principal &principal) {
  if (principal.api_key && is_api_key(configuration.api_key)) {
    const ApiKeyRead key = read_api_key(read, configuration.api_key);
    add_step(explanation, psprintf("scope %s.%s of the API key", explanation.resource, explanation.action),
             "api_key_scopes", key.facts.scopes.contains(explanation.id) ? "given" : "not given");
    if (key.facts.kind == KeyKind::workspace_user_key &&
        is_never_a_user_keys(explanation.resource, explanation.action))
      add_step(explanation, "a user key never manages API keys", "access model", "denied");
    if (key.facts.kind == KeyKind::workspace_user_key &&
        is_key_borne(explanation.resource, explanation.action))
      add_step(explanation, "a key's own to write: the user's roles need not hold it", "access model",
               "ignored below");
  }
  if (principal.workspace)
    add_step(explanation, "confined to a workspace", "session",
             read_display_name(read, Entity::workspace, principal.workspace));
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_explain_authorize);
Datum pg_tenancy_explain_authorize(PG_FUNCTION_ARGS) {
  ResultRows rows(fcinfo);
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) return 0;
  give_back_numbers();
  Explanation explanation{};
  explanation.rows = &rows;
  explanation.resource = text_to_cstring(PG_GETARG_TEXT_PP(0));
  explanation.action = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const PermissionSet permission = registered_permission(explanation.resource, explanation.action);
  explanation.id = permission_id(explanation.resource, explanation.action);

  Principal *principal = current_principal();
  const Uuid within = principal->organization;
  const bool is_somebody = principal->kind != PrincipalKind::anonymous;
  const char *kind = principal_kind_name(principal->kind);
  const char *source = principal_source_name(principal->source);
  add_step(explanation, "principal", source, kind);
  if (is_somebody) {
    CatalogRead read = begin_catalog_read();
    if (!PG_ARGISNULL(2)) {
      const char *reference = text_to_cstring(PG_GETARG_TEXT_PP(2));
      explanation.workspace = find_workspace(read, reference, within);
      if (!explanation.workspace) {
        const char *nearest = nearest_workspace(read, *principal->access, reference);
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("workspace \"%s\" does not exist", quotable(reference)),
                        errdetail("The session's organization has no such workspace."),
                        nearest == nullptr ? 0 : errhint("Perhaps you meant \"%s\".", nearest)));
      }
    }
    const Principal copy = *principal;
    explain_credential(explanation, read, copy);
    if (copy.user && (!copy.workspace || !explanation.workspace || explanation.workspace == copy.workspace))
      explain_user(explanation, read, copy);
    end_catalog_read(read);
  }
  // Computes the decision separately, as authorize() does.
  principal = current_principal();
  const Rows reached = authorized(*principal, permission, explanation.workspace);
  add_step(explanation, "decision", "authorize()", outcome(reached));
  return 0;
}
}

}  // namespace tenancy::pg
