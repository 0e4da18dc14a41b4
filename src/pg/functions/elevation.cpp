// Elevation: whether a member may take a role for a time, and whether the session has one.

#include "core/access/elevation.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/elevations.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/principal.hpp"
#include "pg/session/taken_rights.hpp"

namespace tenancy::pg {
namespace {

Uuid uuid_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(argument));
}

const char *name_of(ElevationAnswer answer) {
  switch (answer) {
    case ElevationAnswer::not_listed:
      break;
    case ElevationAnswer::too_long:
      return "too_long";
    case ElevationAnswer::too_often:
      return "too_often";
    case ElevationAnswer::needs_approval:
      return "needs_approval";
    case ElevationAnswer::allowed:
      return "allowed";
  }
  return "not_listed";
}

}  // namespace

extern "C" {
// Arguments: organization, member, workspace (NULL: in the organization), role, beginning, end, an elevation
// that does not count among the member's of today (NULL: all do)
PG_FUNCTION_INFO_V1(pg_tenancy_decide_elevation);
Datum pg_tenancy_decide_elevation(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  CatalogRead read = begin_catalog_read();
  if (!PG_ARGISNULL(4)) read.moment = PG_GETARG_TIMESTAMPTZ(4);
  const ElevationDecision decision =
      decide_elevation(read, uuid_argument(fcinfo, 0), uuid_argument(fcinfo, 1), uuid_argument(fcinfo, 2),
                       uuid_argument(fcinfo, 3), PG_ARGISNULL(5) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(5),
                       uuid_argument(fcinfo, 6));
  end_catalog_read(read);
  Datum values[] = {CStringGetTextDatum(name_of(decision.answer)),
                    decision.rule ? uuid_datum(decision.rule) : 0};
  bool nulls[] = {false, !decision.rule};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(pg_tenancy_may_approve);
Datum pg_tenancy_may_approve(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(may_approve(uuid_argument(fcinfo, 0), uuid_argument(fcinfo, 1), uuid_argument(fcinfo, 2)));
}

PG_FUNCTION_INFO_V1(pg_tenancy_is_elevated);
Datum pg_tenancy_is_elevated(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(current_principal()->elevated);
}

PG_FUNCTION_INFO_V1(pg_tenancy_note_taken_rights);
Datum pg_tenancy_note_taken_rights(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  Datum *elements = nullptr;
  int count = 0;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &elements, nullptr,
                    &count);
  PodArray<Uuid> holders;
  for (int i = 0; i < count; i++) holders.append(uuid_of_datum(elements[i]));
  note_taken_rights(uuid_of_datum(PG_GETARG_DATUM(0)), holders.span());
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(pg_tenancy_is_narrowed);
Datum pg_tenancy_is_narrowed(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(current_principal()->narrowed);
}
}

}  // namespace tenancy::pg
