// Work of the extension on users' tables: export, removal, searches for rows.
//
// The extension's owner is a superuser. A statement on a user's table can also execute code of the table's
// owner (index predicates and expressions, triggers, rules, checks, casts). It therefore runs as that
// owner, in a security-restricted operation with a safe search_path, as the server's own maintenance does,
// and while the session's principal is suspended.

#include "pg/functions/owner_work.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/owner_exemption.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/printed_plans.hpp"
#include "pg/server/session_locks.hpp"
#include "pg/server/shut_cursors.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "access/heapam.h"
#include "storage/bufmgr.h"
}

namespace tenancy::pg {
namespace {

constexpr long rows_per_fetch = 1000;

void set_until_done(const char *name, const char *value, GucContext context, GucSource source) {
  set_config_option(name, value, context, source, GUC_ACTION_SAVE, true, 0, false);
}

// Users' tables are the only ones with work to do. As the owner of a catalog or of a view, a statement would
// have a superuser's rights.
void require_users_table(Oid relation, const FormData_pg_class &row) {
  const char *schema = get_namespace_name(row.relnamespace);
  const bool is_table = row.relkind == RELKIND_RELATION || row.relkind == RELKIND_PARTITIONED_TABLE;
  const bool is_ours =
      schema != nullptr && (strcmp(schema, "tenancy") == 0 || strcmp(schema, "tenancy_internal") == 0 ||
                            strcmp(schema, "tenancy_steps") == 0);
  if (relation < FirstNormalObjectId || row.relnamespace == PG_CATALOG_NAMESPACE || is_ours)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("relation \"%s\" is a system catalog", NameStr(row.relname))));
  if (!is_table || row.relpersistence == RELPERSISTENCE_TEMP)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a permanent table", NameStr(row.relname))));
}

// A schema's row, locked, keeps its name: statements name tables, and another schema could get this one's.
// Standbys have no such change of their own.
void keep_schema_name(Oid schema) {
  if (RecoveryInProgress()) return;
  const Relation schemas = table_open(NamespaceRelationId, RowShareLock);
  TM_Result outcome = TM_Updated;
  while (outcome == TM_Updated) {
    AcceptInvalidationMessages();
    HeapTuple row = SearchSysCacheCopy1(NAMESPACEOID, ObjectIdGetDatum(schema));
    if (!HeapTupleIsValid(row)) break;
    Buffer buffer = InvalidBuffer;
    TM_FailureData failure{};
    outcome = heap_lock_tuple(schemas, row, GetCurrentCommandId(false), LockTupleShare, LockWaitBlock, true,
                              &buffer, &failure);
    ReleaseBuffer(buffer);
    heap_freetuple(row);
  }
  table_close(schemas, NoLock);
  AcceptInvalidationMessages();
}

// Locks the relation, so that its owner stays the same.
Oid owner_of_locked(Oid relation) {
  LockRelationOid(relation, AccessShareLock);
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(row))
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  require_users_table(relation, *form);
  const Oid owner = form->relowner;
  const Oid schema = form->relnamespace;
  ReleaseSysCache(row);
  keep_schema_name(schema);
  return owner;
}

bool is_users_schema(Oid schema) {
  return schema != PG_CATALOG_NAMESPACE && schema != get_namespace_oid("information_schema", true) &&
         !is_catalog_schema(schema) && schema != get_namespace_oid(schema_of_steps(), true);
}

void add_row(ReturnSetInfo *result, Datum value, bool is_null) {
  tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
}

void return_rows(SPIPlanPtr plan, ReturnSetInfo *result) {
  Portal portal = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
  for (SPI_cursor_fetch(portal, true, rows_per_fetch); SPI_processed > 0;
       SPI_cursor_fetch(portal, true, rows_per_fetch)) {
    for (uint64 i = 0; i < SPI_processed; i++) {
      bool is_null = false;
      const Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
      add_row(result, value, is_null);
    }
    SPI_freetuptable(SPI_tuptable);
  }
  SPI_cursor_close(portal);
}

void return_count(SPIPlanPtr plan, ReturnSetInfo *result) {
  const int done = SPI_execute_plan(plan, nullptr, nullptr, false, 0);
  if (done < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(done));
  add_row(result,
          DirectFunctionCall1(jsonb_in,
                              CStringGetDatum(psprintf(UINT64_FORMAT, static_cast<uint64>(SPI_processed)))),
          false);
}

struct Work {
  Oid relation;
  Oid owner;
  const Datum *others;  // OIDs of further tables in the statement
  int count_of_others;
  const char *statement;
  ReturnSetInfo *result;
};

// Not owns_relation(): a superuser who owns one table does not for that reason run what is in others.
bool is_of_same_owner(Oid relation) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(row)) return false;
  const bool result = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner == GetUserId();
  ReleaseSysCache(row);
  return result;
}

bool is_meant(const Work &work, Oid found) {
  if (found == work.relation) return true;
  for (int i = 0; i < work.count_of_others; i++)
    if (DatumGetObjectId(work.others[i]) == found) return true;
  return get_rel_namespace(found) == get_rel_namespace(work.relation) && is_of_same_owner(found);
}

// The statement was written by names, before its table was locked: another one may have got that name. Users'
// tables in it are those meant, or others of the owner in the same schema.
void require_same_tables(SPIPlanPtr plan, const Work &work) {
  const ListCell *source = nullptr;
  foreach (source, SPI_plan_get_plan_sources(plan)) {
    const ListCell *cell = nullptr;
    foreach (cell, static_cast<CachedPlanSource *>(lfirst(source))->relationOids)
      if (const Oid found = lfirst_oid(cell);
          is_users_schema(get_rel_namespace(found)) && !is_meant(work, found))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table \"%s\" is called something else now", get_rel_name(work.relation)),
                        errdetail("A schema has been renamed meanwhile."), errhint("Repeat the call.")));
  }
}

extern "C" {
static void run_statement(void *argument) {
  const auto *work = static_cast<const Work *>(argument);
  SPI_connect();
  SPIPlanPtr plan = SPI_prepare(work->statement, 0, nullptr);
  if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
  require_same_tables(plan, *work);
  if (SPI_is_cursor_plan(plan))
    return_rows(plan, work->result);
  else
    return_count(plan, work->result);
  SPI_finish();
}

static void run_exempt_statement(void *argument) {
  run_exempt(static_cast<const Work *>(argument)->statement, run_statement, argument);
}

// The search_path is that of the functions which print the statement: a name then means here what it meant
// there, and no temporary object of the caller takes its place.
static void run_as_owner(void *argument) {
  const OwnerWork as_owner =
      begin_owner_work(static_cast<const Work *>(argument)->owner, "pg_catalog, tenancy, pg_temp");
  run_users_code(run_exempt_statement, argument);
  end_owner_work(as_owner);
}

static void name_the_table(void *relation) {
  errcontext("work on table \"%s\" as its owner", get_rel_name(*static_cast<const Oid *>(relation)));
}
}

}  // namespace

OwnerWork begin_owner_work(Oid owner, const char *search_path) {
  OwnerWork work{};
  GetUserIdAndSecContext(&work.user, &work.security);
  work.level = NewGUCNestLevel();
  print_no_plans();
  set_until_done("search_path", search_path, PGC_USERSET, PGC_S_SESSION);
  set_until_done("row_security", "on", PGC_USERSET, PGC_S_SESSION);
  set_until_done("tenancy.suspension", "on", PGC_SUSET, internal_source);
  // Off for what a function does itself, not for the owner's code.
  set_until_done("tenancy.guard_rails", "on", PGC_SUSET, internal_source);
  SetUserIdAndSecContext(owner, work.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
  return work;
}

void end_owner_work(const OwnerWork &work) {
  SetUserIdAndSecContext(work.user, work.security);
  AtEOXact_GUC(false, work.level);
}

extern "C" {
// as_owner(relation, statement, others): runs one statement, whose only column is jsonb. Returns its rows, or
// else the number of changed rows. REQUIRES: a caller in language "tenancy".
PG_FUNCTION_INFO_V1(pg_tenancy_as_owner);
Datum pg_tenancy_as_owner(PG_FUNCTION_ARGS) {
  if (!is_administration_running())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("as_owner() is for functions of language \"tenancy\"")));
  Oid relation = PG_GETARG_OID(0);
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  const Oid owner = owner_of_locked(relation);

  ErrorContextCallback context{error_context_stack, name_the_table, &relation};
  error_context_stack = &context;
  Work work{relation, owner, nullptr, 0, text_to_cstring(PG_GETARG_TEXT_PP(1)), result};
  Datum *others = nullptr;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), OIDOID, sizeof(Oid), true, TYPALIGN_INT, &others, nullptr,
                    &work.count_of_others);
  work.others = others;
  const bool is_outermost = begin_session_locks();
  run_with_cursors_shut(run_as_owner, &work);
  if (is_outermost) end_session_locks();
  error_context_stack = context.previous;
  return 0;
}
}

extern "C" {
// For functions of the observability schemas, which run with their owner's rights.
PG_FUNCTION_INFO_V1(pg_tenancy_is_owned_by_caller);
Datum pg_tenancy_is_owned_by_caller(PG_FUNCTION_ARGS) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(PG_GETARG_OID(0)));
  if (!HeapTupleIsValid(row)) PG_RETURN_NULL();
  const bool owned = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner == GetUserId();
  ReleaseSysCache(row);
  PG_RETURN_BOOL(owned);
}
}

}  // namespace tenancy::pg
