// What the administration functions ask before they act: who is a DBA, and what the session may hand out.

#include "pg/authorize.hpp"
#include "pg/error_bridge.hpp"
#include "pg/facts.hpp"
#include "pg/permissions.hpp"

namespace tenancy::pg {
namespace {

// Rights where something is administered: in a workspace, or (nil) on the organization.
const Rights &rights_at(Principal &principal, const Uuid &organization, const Uuid &workspace) {
  if (principal.organization != organization) return no_rights;
  return workspace ? rights_in(principal, workspace) : principal.access->on_organization();
}

Uuid uuid_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(argument));
}

}  // namespace

extern "C" {
// A DBA is who may write the catalogs by plain SQL. The outer user: SECURITY DEFINER functions ask on their
// caller's behalf.
PG_FUNCTION_INFO_V1(pg_tenancy_is_dba);
Datum pg_tenancy_is_dba(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_BOOL(pg_class_aclcheck(catalog_relation(CatalogIndex::organizations_pkey), GetOuterUserId(),
                                   ACL_INSERT) == ACLCHECK_OK);
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
  end_catalog_read(read);
  Principal *principal = current_principal();
  if (principal->organization != organization) PG_RETURN_BOOL(false);
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
