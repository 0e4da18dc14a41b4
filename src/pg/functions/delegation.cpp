// Delegation: the core compares the session's access with the access that a role, a grant, a tenant setting,
// a key or the keys of tokens can confer. Each function returns the first missing right, or NULL if the
// session may delegate.

#include "core/access/delegation.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/elevations.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/roles.hpp"
#include "pg/functions/lacking.hpp"
#include "pg/functions/role_rights.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/quotable.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

Uuid uuid_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(argument));
}

// The first missing permission by name, or a description of what else is missing; nullptr for nothing.
const char *text_of(const Shortfall &lacking) {
  if (!lacking.any()) return nullptr;
  for (const NamedPermission &permission : permissions_by_name())
    if (lacking.permissions.contains(permission.id))
      return psprintf("%s.%s", permission.resource, permission.action);
  return lacking.standing ? "a role above settings" : "a role in every workspace";
}

Shortfall shortfall_of_roles(const Principal &principal, const UserFacts &facts) {
  return shortfall(*principal.delegable, Access::of_user(facts), permission_classes().off_by_default);
}

Shortfall shortfall_of_role(const Uuid &organization, const Uuid &workspace, const Uuid &role) {
  CatalogRead read = begin_catalog_read();
  const Principal *principal = current_principal();
  const WorkspaceMembership membership{workspace, role};
  Shortfall lacking;
  // A permission denied to the role until a moment is one that it gives from then on.
  for (CatalogRead later = read; !lacking.any() && later.moment != DT_NOEND;) {
    const UserFacts facts =
        with_takable_roles(later, workspace ? read_role_facts(later, organization, {}, {&membership, 1})
                                            : read_role_facts(later, organization, role, {}));
    run_core([&] { lacking = shortfall_of_roles(*principal, facts); });
    later.moment = facts.until;
  }
  end_catalog_read(read);
  return lacking;
}

// All rows of these permissions, as far as the grantee can have them.
Shortfall shortfall_of_grant(const Uuid &organization, const Grantee &grantee,
                             const PermissionSet &permissions) {
  const PermissionClasses &classes = permission_classes();
  const Principal *principal = current_principal();
  Shortfall lacking;
  run_core([&] {
    lacking = shortfall(*principal->delegable, Access::of_grant(organization, grantee, permissions, classes));
  });
  return lacking;
}

PermissionId permission_of_word(const char *word) {
  const char *dot = strchr(word, '.');
  if (dot == nullptr)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("permission \"%s\" has no action", quotable(word))));
  const char *resource = pnstrdup(word, static_cast<Size>(dot - word));
  require_registered(resource, dot + 1);
  return permission_id(resource, dot + 1);
}

PermissionSet permissions_argument(FunctionCallInfo fcinfo, int argument) {
  PermissionSet permissions;
  Datum *words = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls,
                    &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i]) permissions.add(permission_of_word(TextDatumGetCString(words[i])));
  return permissions;
}

void add_rights(PermissionSet &permissions, const Rights &rights) {
  permissions |= rights.all;
  permissions |= rights.own;
}

// Whether a switch of data visibility of the one workspace role also decides for the other role: custom
// roles follow the role member, and so do, on the organization level, roles without all workspaces.
bool follows(const RoleRights &role, const Uuid &of) {
  if (role.id == of) return true;
  if (of != workspace_member_role) return false;
  return !role.built_in || role.id == organization_member_role;
}

}  // namespace

Datum lacking_datum(FunctionCallInfo fcinfo, const Shortfall &lacking) {
  const char *text = text_of(lacking);
  if (text == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(text));
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_role);
Datum pg_tenancy_missing_for_role(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0), role = uuid_argument(fcinfo, 2);
  if (!organization || !role) PG_RETURN_TEXT_P(cstring_to_text("a role"));
  return lacking_datum(fcinfo, shortfall_of_role(organization, uuid_argument(fcinfo, 1), role));
}

// Roles that rules of elevation let a member, or the members of a group, take.
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_takable);
Datum pg_tenancy_missing_for_takable(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0);
  const Uuid user = uuid_argument(fcinfo, 1), group = uuid_argument(fcinfo, 2);
  if (!organization) PG_RETURN_TEXT_P(cstring_to_text("a role"));
  CatalogRead read = begin_catalog_read();
  const Principal *principal = current_principal();
  Shortfall lacking;
  for (CatalogRead later = read; !lacking.any() && later.moment != DT_NOEND;) {
    const UserFacts facts =
        with_takable_roles(later, read_role_facts(later, organization, {}, {}), user, group);
    run_core([&] { lacking = shortfall_of_roles(*principal, facts); });
    later.moment = facts.until;
  }
  end_catalog_read(read);
  return lacking_datum(fcinfo, lacking);
}

// Permissions of a role, in its overrides of the organization or (if given) of a workspace.
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_permissions);
Datum pg_tenancy_missing_for_permissions(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0), workspace = uuid_argument(fcinfo, 1);
  const Uuid role_id = uuid_argument(fcinfo, 2);
  CatalogRead read = begin_catalog_read();
  const auto level = read_role_level(read, role_id);
  const Role role = read_role(read, role_id);
  end_catalog_read(read);
  if (!level) PG_RETURN_TEXT_P(cstring_to_text("a role"));
  return lacking_datum(fcinfo, shortfall_of_grant(organization, grantee_of_role(role, *level, workspace),
                                                  permissions_argument(fcinfo, 3)));
}

// Everything that a token can have: all permissions but those that every key may have, in any workspace.
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_tokens);
Datum pg_tenancy_missing_for_tokens(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0);
  CatalogRead read = begin_catalog_read();
  PermissionSet permissions = registered_permissions(read).all;
  end_catalog_read(read);
  permissions -= permission_classes().organization_level;
  permissions -= permission_classes().key_borne;
  permissions -= permission_classes().off_by_default;
  return lacking_datum(fcinfo, shortfall_of_grant(organization, {false, true, {}}, permissions));
}

// A switch of a workspace role's data visibility, in a workspace or (NULL) the organization, confers what
// the roles it decides for hold on governed resources.
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_visibility);
Datum pg_tenancy_missing_for_visibility(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0), workspace = uuid_argument(fcinfo, 1);
  const Uuid switched = uuid_argument(fcinfo, 2);
  Uuid to_come;  // stands for any workspace without settings of its own
  to_come.bytes.fill(0xff);

  CatalogRead read = begin_catalog_read();
  PodArray<Uuid> workspaces;
  if (workspace) {
    workspaces.append(workspace);
  } else {
    for (const Uuid &id : read_workspaces(read, organization)) workspaces.append(id);
    workspaces.append(to_come);
  }
  PermissionSet permissions;
  // A permission denied to a role until a moment is one that the switch confers from then on.
  for (CatalogRead later = read; later.moment != DT_NOEND;) {
    const auto roles = read_role_rights(later, organization, workspaces.span());
    later.moment = DT_NOEND;
    for (const RoleRights &role : roles.span()) {
      const bool of_workspace = level_named(role.level) == Level::workspace;
      if (!follows(role, switched) || (workspace && !of_workspace)) continue;
      if (!of_workspace) add_rights(permissions, role.access->on_organization());
      for (const auto &entry : role.access->entries()) add_rights(permissions, role.access->rights_of(entry));
      later.moment = Min(later.moment, role.facts.until);
    }
  }
  permissions -= registered_permissions(read).shared;
  permissions -= permission_classes().organization_level;
  end_catalog_read(read);
  return lacking_datum(fcinfo, shortfall_of_grant(organization, {false, !workspace, workspace}, permissions));
}

PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_key);
Datum pg_tenancy_missing_for_key(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  KeyFacts key;
  key.organization = uuid_argument(fcinfo, 0);
  key.workspace = uuid_argument(fcinfo, 1);
  const auto kind = PG_ARGISNULL(2) ? std::nullopt : key_kind_named(text_to_cstring(PG_GETARG_TEXT_PP(2)));
  if (!kind || PG_ARGISNULL(4))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a kind of key and scopes must be given")));
  key.kind = *kind;
  const Uuid user = uuid_argument(fcinfo, 3);
  key.scopes = permissions_argument(fcinfo, 4);
  key.classes = &permission_classes();

  const Uuid maker = current_principal()->user;
  const KeyFor whom = !user ? KeyFor::nobody : user == maker ? KeyFor::maker : KeyFor::somebody_else;
  CatalogRead read = begin_catalog_read();
  const UserFactsRead facts =
      whom == KeyFor::somebody_else ? read_user_facts(read, key.organization, user) : UserFactsRead{};
  end_catalog_read(read);
  const Principal *principal = current_principal();
  Shortfall lacking;
  run_core([&] {
    lacking = shortfall_of_key(*principal->delegable, key, whom, facts.is_member ? &facts.facts : nullptr);
  });
  return lacking_datum(fcinfo, lacking);
}

// To say that a subject of an issuer is a member is to be able to act as that member.
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_identity);
Datum pg_tenancy_missing_for_identity(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0), user = uuid_argument(fcinfo, 1);
  PermissionSet linking;
  linking.add(permission_id("team", "add_users"));
  CatalogRead read = begin_catalog_read();
  UserFactsRead facts = user ? read_user_facts(read, organization, user) : UserFactsRead{};
  // Roles that the session's own user may take are the session's already.
  if (facts.is_member && user != current_principal()->user)
    facts.facts = with_takable_roles(read, facts.facts, user);
  end_catalog_read(read);
  if (!facts.is_member) PG_RETURN_TEXT_P(cstring_to_text("a member"));
  const Principal *principal = current_principal();
  Shortfall lacking;
  run_core([&] {
    lacking = shortfall_of_identity(*principal->delegable, Access::of_user(facts.facts), linking,
                                    permission_classes().off_by_default);
  });
  return lacking_datum(fcinfo, lacking);
}

// The earliest end of what the session's rights come from; NULL for none, and where it has as much without
// all that ends. A key or a token of a service that ends gives nothing that outlives it, whatever its rights:
// whoever made it may have had them until then.
PG_FUNCTION_INFO_V1(pg_tenancy_rights_end_at);
Datum pg_tenancy_rights_end_at(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Principal session = *current_principal();
  const bool by_service = session.source == PrincipalSource::api_key || session.kind == PrincipalKind::jwt ||
                          session.claimed != nullptr;
  TimestampTz end = by_service ? session.ends_at : DT_NOEND;
  // Groups that a token names are its holder's as long as the token lasts.
  const TimestampTz rights_until =
      session.token_groups.empty() ? session.rights_until : Min(session.rights_until, session.not_after);
  if (rights_until < end) {
    const Principal *principal = current_principal();
    CatalogRead read = begin_catalog_read();
    const TimestampTz lacking =
        lacking_from(read, session.organization, session.user,
                     [principal](const UserFacts &facts) {
                       return shortfall(Access::of_user(facts), *principal->access).any();
                     },
                     {{}, session.kind == PrincipalKind::user});
    // Lacking now: by groups of the token, or an elevation.
    end = Min(end, lacking <= read.moment ? rights_until : lacking);
    end_catalog_read(read);
  }
  if (end == DT_NOEND) PG_RETURN_NULL();
  PG_RETURN_TIMESTAMPTZ(end);
}

// As version 1.0 declares them.
PG_FUNCTION_INFO_V1(pg_tenancy_holds_everywhere);
Datum pg_tenancy_holds_everywhere(PG_FUNCTION_ARGS) {
  give_back_numbers();
  const PermissionSet permission =
      registered_permission(text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)));
  const Uuid organization = uuid_of_datum(PG_GETARG_DATUM(0));
  PG_RETURN_BOOL(!shortfall_of_grant(organization, {false, true, {}}, permission).any());
}

PG_FUNCTION_INFO_V1(pg_tenancy_holds_role);
Datum pg_tenancy_holds_role(PG_FUNCTION_ARGS) {
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0), role = uuid_argument(fcinfo, 2);
  if (!organization || !role) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(!shortfall_of_role(organization, uuid_argument(fcinfo, 1), role).any());
}
}

}  // namespace tenancy::pg
