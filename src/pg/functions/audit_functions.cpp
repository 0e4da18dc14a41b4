// Audit entries of what a session does with tenants' rows, and could undo.

#include "pg/catalog/caller.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/audit_events.hpp"

namespace tenancy::pg {
namespace {

void copy_argument(FunctionCallInfo fcinfo, int argument, char *target, size_t size) {
  if (!PG_ARGISNULL(argument)) copy_audit_text(target, size, text_to_cstring(PG_GETARG_TEXT_PP(argument)));
}

}  // namespace

extern "C" {
// queue_audit_event(action, resource_type, resource_id, organization_id, workspace_id, after)
PG_FUNCTION_INFO_V1(pg_tenancy_queue_audit_event);
Datum pg_tenancy_queue_audit_event(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  enum : int { action, resource_type, resource_id, organization, workspace, after };
  resolve_for_audit();
  AuditEvent event = begin_audit_event();
  copy_argument(fcinfo, action, event.action, sizeof event.action);
  copy_argument(fcinfo, resource_type, event.resource_type, sizeof event.resource_type);
  copy_argument(fcinfo, resource_id, event.resource_id, sizeof event.resource_id);
  event.organization = PG_ARGISNULL(organization) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(organization));
  event.workspace = PG_ARGISNULL(workspace) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(workspace));
  strlcpy(event.outcome, "success", sizeof event.outcome);
  if (!PG_ARGISNULL(after)) {
    Jsonb *object = PG_GETARG_JSONB_P(after);
    const char *json = JsonbToCString(nullptr, &object->root, VARSIZE(object));
    if (strlen(json) < sizeof event.details) strlcpy(event.details, json, sizeof event.details);
  }
  check_audit_fallback(event);
  put_audit_event(event);
  return 0;
}
}

}  // namespace tenancy::pg
