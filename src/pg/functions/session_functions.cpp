// whoami() and current_*(): SQL functions that return the session's principal.

#include "core/credential/api_key.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/server/quotable.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

// Asked by the catalogs' policies: where no organization is chosen, they show nothing and raise no error.
Principal *principal_afresh() {
  give_back_numbers();
  return current_principal_or_undecided();
}

Datum uuid_or_null(FunctionCallInfo fcinfo, const Uuid &id) {
  if (!id) PG_RETURN_NULL();
  return uuid_datum(id);
}

Datum external_id_or_null(FunctionCallInfo fcinfo, Entity entity, const Uuid &id, const Uuid &organization) {
  const IdType type = id_type(get_fn_expr_rettype(fcinfo->flinfo), InvalidOid);
  if (type == IdType::unsupported || type == IdType::uuid)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this type cannot hold external ids")));
  if (!id) PG_RETURN_NULL();
  CatalogRead read = begin_catalog_read();
  Datum value = 0;
  const bool found = id_value(read, entity, id, organization, type, &value);
  end_catalog_read(read);
  if (!found) PG_RETURN_NULL();
  return value;
}

// The columns of a result row, left to right.
struct Row {
  static constexpr int capacity = 16;
  Datum values[capacity];
  bool nulls[capacity];
  int count;

  void add(Datum value) {
    nulls[count] = false;
    values[count++] = value;
  }
  void add_null() {
    values[count] = 0;
    nulls[count++] = true;
  }
  void add_id(const Uuid &id) { id ? add(uuid_datum(id)) : add_null(); }
  void add_text(const char *text) { text != nullptr ? add(CStringGetTextDatum(text)) : add_null(); }
};

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_whoami);
Datum pg_tenancy_whoami(PG_FUNCTION_ARGS) {
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const Principal principal = *principal_afresh();
  check_decided(principal);
  CatalogRead read = begin_catalog_read();
  const auto name_of = [&read](Entity entity, const Uuid &id) {
    return id ? read_display_name(read, entity, id) : nullptr;
  };
  Row row{};
  row.add_text(principal_kind_name(principal.kind));
  row.add_text(principal_source_name(principal.source));
  row.add_id(principal.organization);
  row.add_text(name_of(Entity::organization, principal.organization));
  row.add_id(principal.workspace);
  row.add_text(name_of(Entity::workspace, principal.workspace));
  row.add_id(principal.user);
  row.add_text(name_of(Entity::user, principal.user));
  row.add_id(principal.api_key);
  row.add(DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(GetSessionUserId(), false))));
  if (principal.not_after == DT_NOEND)
    row.add_null();
  else
    row.add(TimestampTzGetDatum(principal.not_after));
  end_catalog_read(read);
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), row.values, row.nulls));
}

PG_FUNCTION_INFO_V1(pg_tenancy_current_organization_id);
Datum pg_tenancy_current_organization_id(PG_FUNCTION_ARGS) {
  return uuid_or_null(fcinfo, principal_afresh()->organization);
}

PG_FUNCTION_INFO_V1(pg_tenancy_current_workspace_id);
Datum pg_tenancy_current_workspace_id(PG_FUNCTION_ARGS) {
  return uuid_or_null(fcinfo, principal_afresh()->workspace);
}

PG_FUNCTION_INFO_V1(pg_tenancy_current_user_id);
Datum pg_tenancy_current_user_id(PG_FUNCTION_ARGS) { return uuid_or_null(fcinfo, principal_afresh()->user); }

PG_FUNCTION_INFO_V1(pg_tenancy_user_itself);
Datum pg_tenancy_user_itself(PG_FUNCTION_ARGS) {
  const Principal &principal = *principal_afresh();
  return uuid_or_null(fcinfo, is_user_itself(principal) ? principal.user : Uuid{});
}

PG_FUNCTION_INFO_V1(pg_tenancy_current_api_key_id);
Datum pg_tenancy_current_api_key_id(PG_FUNCTION_ARGS) {
  return uuid_or_null(fcinfo, principal_afresh()->api_key);
}

PG_FUNCTION_INFO_V1(pg_tenancy_current_token_subject);
Datum pg_tenancy_current_token_subject(PG_FUNCTION_ARGS) {
  const char *subject = principal_afresh()->token_subject;
  if (subject == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(subject));
}

PG_FUNCTION_INFO_V1(pg_tenancy_current_external_id);
Datum pg_tenancy_current_external_id(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const Principal principal = *principal_afresh();
  const char *entity = text_to_cstring(PG_GETARG_TEXT_PP(0));
  if (strcmp(entity, "organization") == 0)
    return external_id_or_null(fcinfo, Entity::organization, principal.organization, principal.organization);
  if (strcmp(entity, "workspace") == 0)
    return external_id_or_null(fcinfo, Entity::workspace, principal.workspace, principal.organization);
  if (strcmp(entity, "user") == 0)
    return external_id_or_null(fcinfo, Entity::user, principal.user, principal.organization);
  if (strcmp(entity, "api_key") == 0)
    return external_id_or_null(fcinfo, Entity::api_key, principal.api_key, principal.organization);
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("entity \"%s\" is not known", quotable(entity)),
           errhint("Entities are organization, workspace, user and api_key.")));
  pg_unreachable();
}
}

}  // namespace tenancy::pg
