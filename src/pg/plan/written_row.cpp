#include "pg/plan/written_row.hpp"

#include <algorithm>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/session/identity.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace tenancy::pg {
namespace {

enum WrittenId : int { organization_id, workspace_id, owner_id, api_key_id };

bool has_column(const WrittenIds &row, int i) { return row.types[i] != UNKNOWNOID; }

IdType type_of(const WrittenIds &row, int i) { return id_type(row.types[i], row.collations[i]); }

bool is_same_id(IdType type, Datum one, Datum other) {
  switch (type) {
    case IdType::uuid:
      return uuid_of_datum(one) == uuid_of_datum(other);
    case IdType::text:
      return DatumGetBool(DirectFunctionCall2Coll(texteq, DEFAULT_COLLATION_OID, one, other));
    case IdType::int2:
      return DatumGetInt16(one) == DatumGetInt16(other);
    case IdType::int4:
      return DatumGetInt32(one) == DatumGetInt32(other);
    case IdType::int8:
      return DatumGetInt64(one) == DatumGetInt64(other);
    case IdType::unsupported:
      return false;
  }
  return false;
}

// A read for rows of an organization.
struct RowsRead {
  const CatalogRead &catalog;
  const Uuid &organization;
};

bool can_hold(const RowsRead &read, const WrittenIds &row, int i, Entity entity, const Uuid &id) {
  const IdType type = type_of(row, i);
  Datum value = 0;
  return id && type != IdType::unsupported &&
         id_value(read.catalog, entity, id, read.organization, type, &value);
}

bool names(const RowsRead &read, const WrittenIds &row, int i, Entity entity, const Uuid &id) {
  const IdType type = type_of(row, i);
  Datum value = 0;
  return id && !row.nulls[i] && type != IdType::unsupported &&
         id_value(read.catalog, entity, id, read.organization, type, &value) &&
         is_same_id(type, row.values[i], value);
}

Named compared(const RowsRead &read, const WrittenIds &row, int i, Entity entity, const Uuid &id) {
  if (!has_column(row, i)) return Named::no_column;
  if (row.nulls[i]) return Named::nothing;
  return names(read, row, i, entity, id) ? Named::principals : Named::another;
}

// RETURNS the workspace in the row if the principal has any right there, or nil.
Uuid reached_workspace(Principal &principal, const RowsRead &read, const WrittenIds &row) {
  const auto is_it = [&](const Uuid &workspace) {
    return names(read, row, workspace_id, Entity::workspace, workspace) &&
           !principal.access->in_workspace(workspace).empty();
  };
  for (const auto &entry : principal.access->entries())
    if (is_it(entry.workspace)) return entry.workspace;
  if (principal.access->reaches_every_workspace())
    for (const Uuid &workspace : principal.workspaces)
      if (is_it(workspace)) return workspace;
  return {};
}

bool is_one_of_keys(const RowsRead &read, const WrittenIds &row, std::span<const Uuid> keys) {
  for (const Uuid &key : keys)
    if (names(read, row, api_key_id, Entity::api_key, key)) return true;
  return false;
}

// RETURNS the member in the owner column, or nil for no member of the organization.
Uuid named_member(const CatalogRead &read, const WrittenIds &row, const Uuid &organization) {
  if (type_of(row, owner_id) == IdType::uuid) return uuid_of_datum(row.values[owner_id]);
  Oid output = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(row.types[owner_id], &output, &is_varlena);
  const char *text = OidOutputFunctionCall(output, row.values[owner_id]);
  if (strlen(text) > NAMEDATALEN * 4) return {};
  const Uuid user = find_user(read, text, organization);
  return names({read, organization}, row, owner_id, Entity::user, user) ? user : Uuid{};
}

// Rows written for others name few members, and each of them many times: what has been accepted last, until
// something changes. Nothing that ends by itself is among it.
struct AcceptedRow {
  SessionToken token;
  uint64 identity;
  Command command;
  RowShape shape;
  char resource[NAMEDATALEN];
  Oid types[id_column_count];
  bool nulls[id_column_count];
  Uuid ids[id_column_count];
};
constexpr int accepted_count = 64;
AcceptedRow accepted_rows[accepted_count];

AcceptedRow describe(const SessionToken &token, const char *resource, Command command, const RowShape &shape,
                     const WrittenIds &row) {
  AcceptedRow described{};
  described.token = token;
  described.identity = identity_stamp();
  described.command = command;
  described.shape = shape;
  strlcpy(described.resource, resource, sizeof described.resource);
  for (int i = 0; i < id_column_count; i++) {
    described.types[i] = row.types[i];
    described.nulls[i] = row.nulls[i];
    if (has_column(row, i) && !row.nulls[i]) described.ids[i] = uuid_of_datum(row.values[i]);
  }
  return described;
}

bool can_be_described(const char *resource, const WrittenIds &row) {
  for (int i = 0; i < id_column_count; i++)
    if (has_column(row, i) && row.types[i] != UUIDOID) return false;
  return has_column(row, owner_id) && !row.nulls[owner_id] && strlen(resource) < NAMEDATALEN;
}

AcceptedRow &place_of(const WrittenIds &row) {
  return accepted_rows[DatumGetUUIDP(row.values[owner_id])->data[UUID_LEN - 1] % accepted_count];
}

bool is_same_row(const AcceptedRow &one, const AcceptedRow &other) {
  return one.identity == other.identity && one.command == other.command &&
         one.shape.from_parent == other.shape.from_parent &&
         one.shape.workspace_decides == other.shape.workspace_decides &&
         strcmp(one.resource, other.resource) == 0 &&
         std::equal(std::begin(one.types), std::end(one.types), std::begin(other.types)) &&
         std::equal(std::begin(one.nulls), std::end(one.nulls), std::begin(other.nulls)) &&
         std::equal(std::begin(one.ids), std::end(one.ids), std::begin(other.ids));
}

bool may_view(const UserFactsRead &read, const PermissionSet &to_view, bool has_workspaces,
              const Uuid &workspace) {
  bool may = false;
  if (read.is_member)
    run_core([&] { may = may_be_named(Access::of_user(read.facts), to_view, has_workspaces, workspace); });
  return may;
}

// RETURNS whether the user is an active member of the organization, and may view the row; or has left within
// the organization's grace period, and could. Sets `lasts`: a member, and without an end.
bool may_be_producer(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                     const PermissionSet &to_view, bool has_workspaces, const Uuid &workspace, bool *lasts) {
  *lasts = false;
  if (!user) return false;
  const UserFactsRead now = read_user_facts(read, organization, user);
  if (now.is_member && !read_user(read, user).active) return false;
  if (may_view(now, to_view, has_workspaces, workspace)) {
    *lasts = now.facts.until == DT_NOEND;
    return true;
  }
  return has_catalog_index(CatalogIndex::former_members_user_idx) &&
         may_view(read_facts_with_grace(read, organization, user), to_view, has_workspaces, workspace);
}

bool is_key(const Principal &principal) {
  return principal.kind == PrincipalKind::organization_service_key ||
         principal.kind == PrincipalKind::workspace_service_key ||
         principal.kind == PrincipalKind::workspace_user_key;
}

bool can_write_for_others(const Principal &principal) {
  return is_key(principal) || principal.kind == PrincipalKind::user;
}

PermissionSet to_attribute(const char *resource) {
  PermissionSet permission;
  if (is_registered(resource, "attribute")) permission.add(permission_id(resource, "attribute"));
  return permission;
}

// Of a row that names another producer: the owner must be a member who may view it; the key that member's,
// the writer's own, or NULL. RETURNS `refused` if the principal may name nobody else there.
WriteProblem problem_of_another(Principal &principal, const CatalogRead &read, const char *resource,
                                const Write &write, const WrittenIds &row, const WrittenRow &written,
                                WriteProblem refused, bool *lasts) {
  const bool has_workspaces = written.workspace != Named::no_column;
  if (!can_write_for_others(principal) || written.owner != Named::another ||
      !may_write_for_others(*principal.access, is_key(principal), write.any_of, to_attribute(resource),
                            has_workspaces, written.workspace_id))
    return refused;
  const Uuid user = named_member(read, row, principal.organization);
  PermissionSet to_view = permissions_for(resource, Command::view);
  to_view |= permissions_for(resource, Command::list);
  if (!may_be_producer(read, principal.organization, user, to_view, has_workspaces, written.workspace_id,
                       lasts))
    return WriteProblem::unknown_producer;
  return written.api_key != Named::another ||
                 is_one_of_keys({read, principal.organization}, row,
                                read_keys_of_user(read, principal.organization, user))
             ? WriteProblem::none
             : WriteProblem::api_key_of_another;
}

}  // namespace

WrittenIds written_ids_of_call(FunctionCallInfo fcinfo, int first) {
  WrittenIds row{};
  const auto *call = reinterpret_cast<const FuncExpr *>(fcinfo->flinfo->fn_expr);
  for (int i = 0; i < id_column_count; i++) {
    row.types[i] = get_fn_expr_argtype(fcinfo->flinfo, first + i);
    if (!OidIsValid(row.types[i])) row.types[i] = UNKNOWNOID;
    row.collations[i] = call == nullptr || !IsA(call, FuncExpr)
                            ? DEFAULT_COLLATION_OID
                            : exprCollation(static_cast<Node *>(list_nth(call->args, first + i)));
    row.values[i] = PG_GETARG_DATUM(first + i);
    row.nulls[i] = PG_ARGISNULL(first + i);
  }
  return row;
}

bool may_write_for_others_somewhere(Principal &principal, const char *resource) {
  if (!can_write_for_others(principal)) return false;
  const Access &access = *principal.access;
  if (const PermissionSet permission = to_attribute(resource); !permission.empty())
    return access.anywhere(permission) != Rows::none;
  if (is_key(principal)) return false;
  if (access.is_above_settings({})) return true;
  for (const auto &entry : access.entries())
    if (entry.above_settings) return true;
  return false;
}

Judgement judge_written_row(Principal &principal, const char *resource, Command command,
                            const RowShape &options, const WrittenIds &row, bool producer_first) {
  Writer writer;
  writer.is_anonymous = principal.kind == PrincipalKind::anonymous;
  Write write;
  write.any_of = permissions_for(resource, command);
  write.attributed = command == Command::insert && !options.from_parent;
  write.attribution_first = producer_first;
  if (writer.is_anonymous) return {WriteProblem::no_principal, false};
  const bool describable = can_be_described(resource, row);
  const SessionToken token = SessionToken::now();
  if (describable)
    if (const AcceptedRow &known = place_of(row);
        known.token.valid() && is_same_row(known, describe(token, resource, command, options, row)))
      return {WriteProblem::none, true};
  // Runs before the catalog read, since it does one of its own.
  if (principal.access->reaches_every_workspace()) workspaces_of(principal);
  const std::span<const Uuid> own_keys = !has_column(row, owner_id) && has_column(row, api_key_id)
                                             ? user_keys_of(principal)
                                             : std::span<const Uuid>{};

  CatalogRead read = begin_catalog_read();
  const RowsRead of_rows{read, principal.organization};
  writer.names_user =
      has_column(row, owner_id) && can_hold(of_rows, row, owner_id, Entity::user, principal.user);
  writer.names_api_key =
      has_column(row, api_key_id) && can_hold(of_rows, row, api_key_id, Entity::api_key, principal.api_key);
  WrittenRow written;
  written.organization =
      compared(of_rows, row, organization_id, Entity::organization, principal.organization);
  if (has_column(row, workspace_id)) {
    if (!row.nulls[workspace_id]) written.workspace_id = reached_workspace(principal, of_rows, row);
    written.workspace = row.nulls[workspace_id] ? Named::nothing
                        : written.workspace_id  ? Named::principals
                                                : Named::another;
  }
  written.owner = compared(of_rows, row, owner_id, Entity::user, principal.user);
  written.api_key = compared(of_rows, row, api_key_id, Entity::api_key, principal.api_key);
  written.is_own =
      has_column(row, owner_id) ? written.owner == Named::principals : is_one_of_keys(of_rows, row, own_keys);
  // UPDATE may keep the old value, or the parent row's.
  if (!write.attributed && options.workspace_decides && written.organization == Named::nothing &&
      written.workspace_id)
    written.organization = Named::principals;

  Judgement judgement{problem_of_write(*principal.access, writer, write, written), false};
  judgement.workspace = written.workspace_id;
  const WriteProblem problem = judgement.problem;
  if ((problem == WriteProblem::organization_missing || problem == WriteProblem::foreign_organization) &&
      !can_hold(of_rows, row, organization_id, Entity::organization, principal.organization))
    judgement.cannot_name_organization = row.types[organization_id];
  if (problem == WriteProblem::foreign_owner || problem == WriteProblem::owner_given) {
    WrittenRow of_tenant = written;
    of_tenant.owner = of_tenant.api_key = Named::no_column;
    if (problem_of_write(*principal.access, writer, write, of_tenant) == WriteProblem::none) {
      bool lasts = false;
      judgement.problem = problem_of_another(principal, read, resource, write, row, written, problem, &lasts);
      judgement.is_for_another = judgement.problem == WriteProblem::none;
      if (judgement.is_for_another && describable && lasts && principal.claimed == nullptr &&
          principal.valid_until == DT_NOEND) {
        subscribe(read.start, Audience::organization, principal.organization);
        place_of(row) = describe(token, resource, command, options, row);
      }
    }
  }
  end_catalog_read(read);
  return judgement;
}

}  // namespace tenancy::pg
