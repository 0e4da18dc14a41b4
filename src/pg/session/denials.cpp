#include "pg/session/denials.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/server/quotable.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/audit_events.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

const char *reason_name(Counter reason) {
  switch (reason) {
    case Counter::denied_api_key:
      return "api_key";
    case Counter::denied_token:
      return "token";
    case Counter::denied_user:
      return "user";
    case Counter::denied_anonymous:
      return "anonymous";
    default:
      return "permission";
  }
}

// The statement may contain the secret.
void log_denial(const char *json) {
  ereport(LOG_SERVER_ONLY, (errmsg("tenancy denied: %s", json), errhidestmt(true), errhidecontext(true)));
}

void append_field(StringInfo json, const char *name, const char *value) {
  if (value == nullptr) return;
  appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
  escape_json(json, quotable(value));
}

}  // namespace

void record_denial(Counter reason, const char *subject, const char *detail) {
  if (is_resolving_for_audit()) return;
  count(reason);
  audit_refused_credential(reason_name(reason), detail);
  if (!configuration.log_denied) return;
  StringInfoData json;
  initStringInfo(&json);
  appendStringInfoChar(&json, '{');
  append_field(&json, "reason", reason_name(reason));
  append_field(&json, "subject", subject);
  append_field(&json, "detail", detail);
  appendStringInfoChar(&json, '}');
  log_denial(json.data);
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_record_denied_permission);
Datum pg_tenancy_record_denied_permission(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  count(Counter::denied_permission);
  if (PG_NARGS() > 3 && !PG_ARGISNULL(1) && !PG_ARGISNULL(2))
    note_denied_permission(text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)),
                           PG_ARGISNULL(3) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(3)));
  if (configuration.log_denied && !PG_ARGISNULL(0)) log_denial(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  return 0;
}
}

}  // namespace tenancy::pg
