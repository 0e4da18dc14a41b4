// What the administration functions ask before they act: who is a DBA, and what the session may hand out.

#include "pg/authorize.hpp"
#include "pg/caller.hpp"
#include "pg/error_bridge.hpp"
#include "pg/facts.hpp"
#include "pg/permissions.hpp"
#include "pg/simulation.hpp"

namespace tenancy::pg {
namespace {

// Rights where something is administered: in a workspace, or (nil) on the organization.
const Rights &rights_at(Principal &principal, const Uuid &organization, const Uuid &workspace) {
  if (principal.organization != organization) return no_rights;
  return workspace ? rights_in(principal, workspace) : principal.access->on_organization();
}

// Whether the rights cover the whole organization, workspaces still to be made included.
bool holds_everywhere(const Access &access, const PermissionSet &permission) {
  if (!access.reaches_every_workspace() || access.on_organization().rows(permission) != Rows::all ||
      access.elsewhere().rows(permission) != Rows::all)
    return false;
  for (const auto &entry : access.entries())
    if (access.rights_of(entry).rows(permission) != Rows::all) return false;
  return true;
}

// A workspace admin is above settings, which no grant says. Service keys are, too.
bool is_above_settings(const CatalogRead &read, const Principal &principal, const Uuid &workspace) {
  if (!principal.user) return true;
  const UserFactsRead user = read_user_facts(read, principal.organization, principal.user);
  if (user.facts.organization_role == organization_owner_role ||
      user.facts.organization_role == organization_admin_role)
    return true;
  for (const WorkspaceMembership &membership : user.facts.memberships)
    if (membership.workspace == workspace && membership.role == workspace_admin_role) return true;
  return false;
}

Uuid uuid_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(argument));
}

}  // namespace

extern "C" {
// An administrator holds USAGE on the domain tenancy.administrator, which is in no predefined role and in no
// GRANT ON ALL ... IN SCHEMA. A query that a DBA simulates is somebody else's.
PG_FUNCTION_INFO_V1(pg_tenancy_is_dba);
Datum pg_tenancy_is_dba(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  if (is_simulation()) PG_RETURN_BOOL(false);
  const Oid marker = find_marker("administrator");
  // Until the extension is updated from 1.0, whose functions are SECURITY DEFINER.
  if (!OidIsValid(marker))
    PG_RETURN_BOOL(pg_class_aclcheck(catalog_relation(CatalogIndex::organizations_pkey), GetOuterUserId(),
                                     ACL_INSERT) == ACLCHECK_OK);
  PG_RETURN_BOOL(holds_marker(calling_role(), marker));
}

// How many rows the session's permission reaches there: 'all', 'own' or NULL.
PG_FUNCTION_INFO_V1(pg_tenancy_holds);
Datum pg_tenancy_holds(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(2) || PG_ARGISNULL(3)) PG_RETURN_NULL();
  const PermissionSet permission =
      authorized_by(text_to_cstring(PG_GETARG_TEXT_PP(2)), text_to_cstring(PG_GETARG_TEXT_PP(3)));
  const Uuid organization = uuid_argument(fcinfo, 0);
  const Uuid workspace = uuid_argument(fcinfo, 1);
  Principal *principal = current_principal();
  if (!organization || principal->kind == PrincipalKind::anonymous) PG_RETURN_NULL();
  switch (rights_at(*principal, organization, workspace).rows(permission)) {
    case Rows::all:
      PG_RETURN_TEXT_P(cstring_to_text("all"));
    case Rows::own:
      PG_RETURN_TEXT_P(cstring_to_text("own"));
    case Rows::none:
      break;
  }
  PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(pg_tenancy_holds_everywhere);
Datum pg_tenancy_holds_everywhere(PG_FUNCTION_ARGS) {
  const PermissionSet permission =
      authorized_by(text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)));
  const Principal *principal = current_principal();
  PG_RETURN_BOOL(principal->organization == uuid_of_datum(PG_GETARG_DATUM(0)) &&
                 holds_everywhere(*principal->access, permission));
}

// Whether the session has at least what the role gives there: an organization role in the organization
// (workspace NULL), or a workspace role in a workspace.
PG_FUNCTION_INFO_V1(pg_tenancy_holds_role);
Datum pg_tenancy_holds_role(PG_FUNCTION_ARGS) {
  const Uuid organization = uuid_argument(fcinfo, 0);
  const Uuid workspace = uuid_argument(fcinfo, 1);
  const Uuid role = uuid_argument(fcinfo, 2);
  if (!organization || !role) PG_RETURN_BOOL(false);

  CatalogRead read = begin_catalog_read();
  const WorkspaceMembership membership{workspace, role};
  const UserFacts facts = workspace ? read_role_facts(read, organization, {}, {&membership, 1})
                                    : read_role_facts(read, organization, role, {});
  Principal *principal = current_principal();
  const bool may_be_handed_out =
      principal->organization == organization &&
      (role != workspace_admin_role || is_above_settings(read, *principal, workspace));
  end_catalog_read(read);
  if (!may_be_handed_out) PG_RETURN_BOOL(false);
  const Rights &here = rights_at(*principal, organization, workspace);
  bool covers = false;
  run_core([&] {
    const Access given = Access::of_user(facts);
    covers = workspace ? here.covers(given.in_workspace(workspace)) : principal->access->covers(given);
  });
  PG_RETURN_BOOL(covers);
}
}

}  // namespace tenancy::pg
