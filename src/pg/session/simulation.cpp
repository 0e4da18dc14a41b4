#include "pg/session/simulation.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/session_locks.hpp"
#include "pg/session/identity.hpp"

namespace tenancy::pg {
namespace {

struct Simulation {
  const char *query;
  const char *user;
  const char *organization;
  const char *workspace;
  Oid login;
  ReturnSetInfo *result;
};

constexpr long rows_per_fetch = 100;

void set_local(const char *name, const char *value, GucSource source = PGC_S_SESSION) {
  set_config_option(name, value, PGC_SUSET, source, GUC_ACTION_LOCAL, true, 0, false);
}

void become(const Simulation &simulation) {
  set_local("tenancy.api_key", "");
  set_local("tenancy.jwt", "");
  set_local("tenancy.user", simulation.user);
  set_local("tenancy.organization", simulation.organization);
  set_local("tenancy.workspace", simulation.workspace);
  set_local("row_security", "on");
  set_local("transaction_read_only", "on");
  // So that session_user also returns the login. Only superusers can set it.
  if (superuser_arg(GetAuthenticatedUserId()))
    set_local("session_authorization", GetUserNameFromId(simulation.login, false));
  set_local("tenancy.simulation", psprintf(UINT64_FORMAT, identity_stamp()), internal_source);
  SetUserIdAndSecContext(simulation.login, SECURITY_RESTRICTED_OPERATION);
}

void run_query(const Simulation &simulation) {
  const MemoryContext row_context =
      AllocSetContextCreate(CurrentMemoryContext, "tenancy simulated row", ALLOCSET_DEFAULT_SIZES);
  SPI_connect();
  SPIPlanPtr plan = SPI_prepare(simulation.query, 0, nullptr);
  if (plan == nullptr || !SPI_is_cursor_plan(plan))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("a simulated query must be one statement that returns rows")));
  Portal portal = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
  for (SPI_cursor_fetch(portal, true, rows_per_fetch); SPI_processed > 0;
       SPI_cursor_fetch(portal, true, rows_per_fetch)) {
    const MemoryContext before = MemoryContextSwitchTo(row_context);
    const TupleDesc descriptor = BlessTupleDesc(SPI_tuptable->tupdesc);
    for (uint64 i = 0; i < SPI_processed; i++) {
      const Datum row = heap_copy_tuple_as_datum(SPI_tuptable->vals[i], descriptor);
      const Datum json = OidFunctionCall1(F_ROW_TO_JSON_RECORD, row);
      Datum value = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(json)));
      bool is_null = false;
      tuplestore_putvalues(simulation.result->setResult, simulation.result->setDesc, &value, &is_null);
      MemoryContextReset(row_context);
    }
    MemoryContextSwitchTo(before);
    SPI_freetuptable(SPI_tuptable);
  }
  SPI_cursor_close(portal);
  SPI_finish();
  MemoryContextDelete(row_context);
}

extern "C" {
static void simulate(void *argument) {
  const auto *simulation = static_cast<const Simulation *>(argument);
  become(*simulation);
  run_query(*simulation);
}
}

// Checks the caller's right and the target, and leaves the audit entry.
void begin(FunctionCallInfo fcinfo, Simulation &simulation) {
  if (is_claimed())
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("a query cannot be simulated by a principal of another node"),
                    errhint("Simulate it on the node that has the tenants' catalogs.")));
  Oid types[] = {TEXTOID, TEXTOID, TEXTOID, NAMEOID};
  Datum values[4];
  char nulls[4];
  for (int i = 0; i < 4; i++) {
    nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
    values[i] = PG_ARGISNULL(i) ? 0 : PG_GETARG_DATUM(i);
  }
  const MemoryContext caller = CurrentMemoryContext;
  SPI_connect();
  SPI_execute_with_args(
      psprintf(
          "SELECT user_id, organization_id, workspace_id, login_id FROM %s.begin_simulation($1, $2, $3, $4)",
          schema_of_steps()),
      4, types, values, nulls, false, 1);
  const auto text_of_column = [caller](int column) {
    char *text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
    return text == nullptr ? "" : MemoryContextStrdup(caller, text);
  };
  bool is_null = false;
  simulation.user = text_of_column(1);
  simulation.organization = text_of_column(2);
  simulation.workspace = text_of_column(3);
  simulation.login =
      DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4, &is_null));
  simulation.query = text_to_cstring(PG_GETARG_TEXT_PP(0));

  // A cursor returns rows with the rights of its opener, to any caller that knows its name. A running one
  // can't be read from: this statement itself, if a driver runs it in a cursor.
  SPI_execute("SELECT name FROM pg_catalog.pg_cursors", false, 0);
  for (uint64 i = 0; i < SPI_processed; i++) {
    const char *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
    const Portal portal = GetPortalByName(name);
    if (PortalIsValid(portal) && portal->status != PORTAL_ACTIVE)
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("a query cannot be simulated while the session has open cursors"),
                      errdetail("Cursor \"%s\" is open, and the query could read from it.", name),
                      errhint("Close it.  A loop over a query in PL/pgSQL is a cursor, too.")));
  }
  SPI_finish();
}

}  // namespace

void check_simulated_principal() {
  if (!is_simulation() || strtoull(configuration.simulation, nullptr, 10) == identity_stamp()) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("the principal of a simulated query cannot be changed")));
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_simulate);
Datum pg_tenancy_simulate(PG_FUNCTION_ARGS) {
  Simulation simulation{};
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  simulation.result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  begin(fcinfo, simulation);
  // The end of a subtransaction takes no session's advisory locks back.
  const bool is_outermost = begin_session_locks();
  run_and_undo(simulate, &simulation);
  if (is_outermost) end_session_locks();
  return 0;
}
}

}  // namespace tenancy::pg
