// Questions of administration functions: who is a DBA, which rights the session holds, and the vocabulary
// of the access model. Limits of delegation: delegation.cpp.

#include "core/access/kept.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/roles.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/quotable.hpp"
#include "pg/server/result_rows.hpp"
#include "pg/session/administrator.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

Uuid uuid_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(argument));
}

// 'all', 'own' or NULL for the arguments (organization, workspace, resource, action): the rows of that place
// by `rows_of`, in the session's own organization only.
Datum reached_rows(FunctionCallInfo fcinfo, Rows (*rows_of)(Principal &, PermissionSet, const Uuid &)) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(2) || PG_ARGISNULL(3)) PG_RETURN_NULL();
  give_back_numbers();
  const PermissionSet permission =
      registered_permission(text_to_cstring(PG_GETARG_TEXT_PP(2)), text_to_cstring(PG_GETARG_TEXT_PP(3)));
  const Uuid organization = uuid_argument(fcinfo, 0);
  const Uuid workspace = uuid_argument(fcinfo, 1);
  Principal *principal = current_principal();
  if (!organization || principal->organization != organization) PG_RETURN_NULL();
  const char *reached = rows_name(rows_of(*principal, permission, workspace));
  if (reached == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(reached));
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_is_dba);
Datum pg_tenancy_is_dba(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_BOOL(is_administrator());
}

// Not on a node that requires claims: the tenants' catalogs are on another one.
PG_FUNCTION_INFO_V1(pg_tenancy_may_sign_up);
Datum pg_tenancy_may_sign_up(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(!configuration.require_claims && holds_marker(calling_role(), find_marker("sign_up")));
}

// After a wait for a transaction that has ended: others see what it has changed before they are notified.
PG_FUNCTION_INFO_V1(pg_tenancy_expire_rights);
Datum pg_tenancy_expire_rights(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  AcceptInvalidationMessages();
  expire_catalog_tokens();
  PG_RETURN_VOID();
}

// Returns 'all', 'own' or NULL: the rows over which the session holds the permission in that place.
PG_FUNCTION_INFO_V1(pg_tenancy_holds);
Datum pg_tenancy_holds(PG_FUNCTION_ARGS) {
  return reached_rows(fcinfo, [](Principal &principal, PermissionSet permission, const Uuid &workspace) {
    return workspace ? authorized(principal, permission, workspace)
                     : principal.access->on_organization().rows(permission);
  });
}

// Likewise, without what elevate() has added: a permission by which something is given away, as its holder
// sees fit.
PG_FUNCTION_INFO_V1(pg_tenancy_lasting_reach);
Datum pg_tenancy_lasting_reach(PG_FUNCTION_ARGS) {
  return reached_rows(fcinfo, [](Principal &principal, PermissionSet permission, const Uuid &workspace) {
    const Access &lasting = *principal.delegable;
    return workspace ? lasting.authorized(permission, workspace) : lasting.on_organization().rows(permission);
  });
}

PG_FUNCTION_INFO_V1(pg_tenancy_words);
Datum pg_tenancy_words(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *list = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const auto words = words_of(list);
  if (words.empty())
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("list of words \"%s\" does not exist", quotable(list))));
  PodArray<Datum> texts;
  for (const std::string_view word : words)
    texts.append(PointerGetDatum(cstring_to_text_with_len(word.data(), static_cast<int>(word.size()))));
  PG_RETURN_ARRAYTYPE_P(construct_array(texts.items, texts.count, TEXTOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(pg_tenancy_can_be_overridden);
Datum pg_tenancy_can_be_overridden(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const auto level = level_named(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  PG_RETURN_BOOL(level && can_be_overridden(uuid_of_datum(PG_GETARG_DATUM(0)), *level,
                                            text_to_cstring(PG_GETARG_TEXT_PP(2)),
                                            text_to_cstring(PG_GETARG_TEXT_PP(3))));
}

PG_FUNCTION_INFO_V1(pg_tenancy_workspace_may_override);
Datum pg_tenancy_workspace_may_override(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const auto level = level_named(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  PG_RETURN_BOOL(level && workspace_may_override(*level, PG_GETARG_BOOL(1)));
}

PG_FUNCTION_INFO_V1(pg_tenancy_is_above_visibility);
Datum pg_tenancy_is_above_visibility(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(is_above_visibility(uuid_of_datum(PG_GETARG_DATUM(0))));
}

PG_FUNCTION_INFO_V1(pg_tenancy_can_be_registered);
Datum pg_tenancy_can_be_registered(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(
      can_be_registered(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

PG_FUNCTION_INFO_V1(pg_tenancy_category_of);
Datum pg_tenancy_category_of(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const auto category = category_of(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  if (!category) PG_RETURN_NULL();
  const std::string_view name = words_of("categories")[static_cast<std::size_t>(*category)];
  PG_RETURN_TEXT_P(cstring_to_text_with_len(name.data(), static_cast<int>(name.size())));
}

// Of two values of a setting of what is kept, of which either may be NULL: it isn't set.
PG_FUNCTION_INFO_V1(pg_tenancy_stricter);
Datum pg_tenancy_stricter(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(1) && PG_ARGISNULL(2)) PG_RETURN_NULL();
  if (PG_ARGISNULL(2)) PG_RETURN_DATUM(PG_GETARG_DATUM(1));
  if (PG_ARGISNULL(1) || PG_ARGISNULL(0)) PG_RETURN_DATUM(PG_GETARG_DATUM(2));
  const char *one = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const std::string_view found =
      stricter_value(text_to_cstring(PG_GETARG_TEXT_PP(0)), one, text_to_cstring(PG_GETARG_TEXT_PP(2)));
  PG_RETURN_DATUM(PG_GETARG_DATUM(found.data() == one ? 1 : 2));
}

PG_FUNCTION_INFO_V1(pg_tenancy_kind_of_action);
Datum pg_tenancy_kind_of_action(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  switch (kind_of_action(text_to_cstring(PG_GETARG_TEXT_PP(0)))) {
    case ActionKind::read:
      PG_RETURN_TEXT_P(cstring_to_text("read"));
    case ActionKind::write:
      PG_RETURN_TEXT_P(cstring_to_text("write"));
    case ActionKind::other:
      break;
  }
  PG_RETURN_TEXT_P(cstring_to_text("other"));
}

PG_FUNCTION_INFO_V1(pg_tenancy_holds_by_default);
Datum pg_tenancy_holds_by_default(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(holds_by_default(uuid_of_datum(PG_GETARG_DATUM(0)), text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

PG_FUNCTION_INFO_V1(pg_tenancy_holds_new_permissions);
Datum pg_tenancy_holds_new_permissions(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(
      holds_new_permissions(uuid_of_datum(PG_GETARG_DATUM(0)), text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

// The effective value of a tenant setting: of a role's grants or, without a resource, of its data
// visibility.
PG_FUNCTION_INFO_V1(pg_tenancy_setting_value);
Datum pg_tenancy_setting_value(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Uuid organization = uuid_argument(fcinfo, 0), role = uuid_argument(fcinfo, 2);
  Uuid workspace = uuid_argument(fcinfo, 1);
  // The organization's value is that of a workspace without settings of its own.
  if (!workspace) workspace.bytes.fill(0xff);

  give_back_numbers();
  CatalogRead read = begin_catalog_read();
  const bool of_workspace = read_role_level(read, role) == Level::workspace;
  const WorkspaceMembership membership{workspace, role};
  const UserFacts facts = of_workspace ? read_role_facts(read, organization, {}, {&membership, 1})
                                       : read_role_facts(read, organization, role, {});
  end_catalog_read(read);
  PermissionSet permissions;
  const bool is_visibility = PG_ARGISNULL(3);
  if (!is_visibility && !PG_ARGISNULL(4)) {
    const char *resource = text_to_cstring(PG_GETARG_TEXT_PP(3));
    Datum *actions = nullptr;
    int count = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TEXTOID, -1, false, TYPALIGN_INT, &actions, nullptr, &count);
    for (int i = 0; i < count; i++) permissions.add(permission_id(resource, TextDatumGetCString(actions[i])));
  }
  bool value = false;
  run_core([&] {
    if (is_visibility) {
      value = shows_all_rows(facts, role, workspace);
      return;
    }
    const Rights rights = Access::of_user(facts).in_workspace(workspace);
    value = rights.missing_of({{}, permissions}).empty();
  });
  PG_RETURN_BOOL(value);
}
}

}  // namespace tenancy::pg
