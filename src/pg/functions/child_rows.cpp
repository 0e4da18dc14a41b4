// Rows of a child table that differ from their parents in the copied columns: counts and updates them.

#include "pg/catalog/caller.hpp"
#include "pg/functions/child_table.hpp"
#include "pg/functions/meant_names.hpp"
#include "pg/functions/owner_work.hpp"
#include "pg/plan/owner_exemption.hpp"
#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

const char *column_of(const char *table, Oid relation, AttrNumber number) {
  return psprintf("%s.%s", table, quote_identifier(get_attname(relation, number, false)));
}

void begin_statement_of(StringInfo sql, const ChildTable &child) {
  const ParentKey &key = child.parents[0].key;
  begin_statement(sql, {child.relation, key.relation}, {key.equal});
}

// The join of a child c with its first parent p, on rows whose copied columns differ.
void append_differing(StringInfo sql, const ChildTable &child) {
  const ParentKey &key = child.parents[0].key;
  generate_operator_clause(sql, column_of("p", key.relation, key.referenced),
                           get_atttype(key.relation, key.referenced), key.equal,
                           column_of("c", child.relation, child.columns.keys[0]),
                           get_atttype(child.relation, child.columns.keys[0]));
  const char *joint = " AND (";
  for (int part = 0; part < id_column_count; part++) {
    if (child.columns.copies[part] == InvalidAttrNumber) continue;
    appendStringInfo(sql, "%s%s IS DISTINCT FROM %s", joint,
                     column_of("c", child.relation, child.columns.copies[part]),
                     column_of("p", key.relation, child.parents[0].columns[part]));
    joint = " OR ";
  }
  appendStringInfoString(sql, ")");
}

struct Statement {
  const char *sql;
  int result;
};

extern "C" {
static void run_statement(void *argument) {
  auto *statement = static_cast<Statement *>(argument);
  statement->result = SPI_execute(statement->sql, false, 0);
}
}

// Runs as the child's owner. It must also own the parent, to see all of the
// parent's rows.
int64 run_as_owner(Oid relation, const char *sql, bool returns_count) {
  const OwnerWork as_owner = begin_owner_work(owner_of(relation), "pg_catalog, pg_temp");
  Statement statement{sql, 0};
  run_exempt(sql, run_statement, &statement);
  if (statement.result != (returns_count ? SPI_OK_SELECT : SPI_OK_UPDATE))
    elog(ERROR, "SPI_execute returned %s", SPI_result_code_string(statement.result));
  int64 count = static_cast<int64>(SPI_processed);
  if (returns_count) {
    bool is_null = false;
    count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
  }
  end_owner_work(as_owner);
  return count;
}

}  // namespace

extern "C" {
// The columns that a table's triggers name; NULLs if it has none, or they have been changed.
PG_FUNCTION_INFO_V1(pg_tenancy_child_columns);
Datum pg_tenancy_child_columns(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const Oid relation = PG_GETARG_OID(0);
  const Relation opened = table_open(relation, AccessShareLock);
  ChildColumns columns{};
  const bool is_child = read_child_columns(opened, columns) == nullptr;
  table_close(opened, NoLock);
  Datum values[1 + id_column_count]{};
  bool nulls[1 + id_column_count] = {true, true, true, true, true};
  const auto name_of = [relation](AttrNumber column) {
    return DirectFunctionCall1(namein, CStringGetDatum(get_attname(relation, column, false)));
  };
  if (is_child) {
    Datum keys[max_parents];
    for (int i = 0; i < columns.parents; i++) keys[i] = name_of(columns.keys[i]);
    values[0] =
        PointerGetDatum(construct_array(keys, columns.parents, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
    nulls[0] = false;
    for (int part = 0; part < id_column_count; part++) {
      if (columns.copies[part] == InvalidAttrNumber) continue;
      values[1 + part] = name_of(columns.copies[part]);
      nulls[1 + part] = false;
    }
  }
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

// The table, or a partition of it, whose owner lacks the rights of the parent's, or NULL
PG_FUNCTION_INFO_V1(pg_tenancy_other_owner);
Datum pg_tenancy_other_owner(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid other = find_other_owner(PG_GETARG_OID(0), PG_GETARG_OID(1), AccessShareLock);
  if (!OidIsValid(other)) PG_RETURN_NULL();
  PG_RETURN_OID(other);
}

// Counts rows of the table and its partitions that differ from their parents, up to the given number; with a
// third argument, only in so many blocks from the first on, of each of these.
PG_FUNCTION_INFO_V1(pg_tenancy_count_differing);
Datum pg_tenancy_count_differing(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid relation = PG_GETARG_OID(0);
  LockRelationOid(relation, AccessShareLock);
  SPI_connect();
  const ChildTable &child = child_table(relation);
  StringInfoData sql;
  begin_statement_of(&sql, child);
  appendStringInfo(&sql, "SELECT count(*) FROM (SELECT FROM %s%s c JOIN %s%s p ON ", only(relation),
                   qualified(relation), only(child.parents[0].key.relation),
                   qualified(child.parents[0].key.relation));
  append_differing(&sql, child);
  if (!PG_ARGISNULL(2)) appendStringInfo(&sql, " AND c.ctid < '(" INT64_FORMAT ",0)'", PG_GETARG_INT64(2));
  appendStringInfo(&sql, " LIMIT " INT64_FORMAT ") differing", PG_GETARG_INT64(1));
  const int64 count = run_as_owner(relation, sql.data, true);
  SPI_finish();
  PG_RETURN_INT64(count);
}

// Updates the differing rows in a range of blocks; returns their number. The table's own trigger reads the
// parents again and locks them.
PG_FUNCTION_INFO_V1(pg_tenancy_fill_blocks);
Datum pg_tenancy_fill_blocks(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid relation = PG_GETARG_OID(0);
  LockRelationOid(relation, RowExclusiveLock);
  SPI_connect();
  const ChildTable &child = child_table(relation);
  StringInfoData sql;
  begin_statement_of(&sql, child);
  appendStringInfo(&sql, "UPDATE ONLY %s c SET ", qualified(relation));
  const char *comma = "";
  for (int part = 0; part < id_column_count; part++) {
    if (child.columns.copies[part] == InvalidAttrNumber) continue;
    appendStringInfo(&sql, "%s%s = %s", comma,
                     quote_identifier(get_attname(relation, child.columns.copies[part], false)),
                     column_of("p", child.parents[0].key.relation, child.parents[0].columns[part]));
    comma = ", ";
  }
  appendStringInfo(&sql, " FROM %s%s p WHERE ", only(child.parents[0].key.relation),
                   qualified(child.parents[0].key.relation));
  append_differing(&sql, child);
  appendStringInfo(&sql, " AND c.ctid >= '(" INT64_FORMAT ",0)' AND c.ctid < '(" INT64_FORMAT ",0)'",
                   PG_GETARG_INT64(1), PG_GETARG_INT64(2));
  const int64 count = run_as_owner(relation, sql.data, false);
  SPI_finish();
  PG_RETURN_INT64(count);
}
}

}  // namespace tenancy::pg
