// protect(..., fill_nulls => true): an explicit NULL becomes the column's default if that is the session's
// organization, workspace, user or key.
//
// The columns are found by their defaults, which the server keeps through renames, dumps and partitions.

#include <initializer_list>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/functions/table_protection.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "rewrite/rewriteHandler.h"
}

namespace tenancy::pg {
namespace {

struct Filled {
  AttrNumber column;
  ExprState *value;
};

// CACHES: the columns of the table or partition that a statement writes to, until the statement ends.
struct FilledColumns {
  int count;
  Filled columns[id_column_count];
  ExprContext *context;
};

extern "C" {
static bool says_who_writes(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, FuncExpr)) {
    const Oid function = reinterpret_cast<const FuncExpr *>(node)->funcid;
    for (const char *name : {"current_organization_id", "current_workspace_id", "current_user_id",
                             "current_api_key_id", "current_external_id"})
      if (is_our_function(function, name)) return true;
  }
  return walk_expression(node, says_who_writes, context);
}
}

FilledColumns *columns_to_fill(Relation relation, MemoryContext context) {
  const MemoryContext caller = MemoryContextSwitchTo(context);
  auto *filled = static_cast<FilledColumns *>(palloc0(sizeof(FilledColumns)));
  filled->context = CreateStandaloneExprContext();
  const TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts && filled->count < id_column_count; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    if (attribute->attisdropped || !attribute->atthasdef || attribute->attgenerated != '\0') continue;
    Node *value = build_column_default(relation, i + 1);
    if (!says_who_writes(value, nullptr)) continue;
    filled->columns[filled->count++] = {
        static_cast<AttrNumber>(i + 1),
        ExecInitExpr(expression_planner(reinterpret_cast<Expr *>(value)), nullptr)};
  }
  MemoryContextSwitchTo(caller);
  return filled;
}

}  // namespace

extern "C" {
// BEFORE INSERT
PG_FUNCTION_INFO_V1(pg_tenancy_fill_nulls);
Datum pg_tenancy_fill_nulls(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "fill_nulls")));
  const auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
      !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" must be fired before a row is inserted", "fill_nulls")));
  auto *filled = static_cast<FilledColumns *>(fcinfo->flinfo->fn_extra);
  if (filled == nullptr) {
    if (!read_protected_table(RelationGetRelid(trigger->tg_relation)).fill_nulls)
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("trigger \"%s\" of table \"%s\" was not made by protect()",
                             trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
                      errhint("Drop the trigger.")));
    fcinfo->flinfo->fn_extra = filled = columns_to_fill(trigger->tg_relation, fcinfo->flinfo->fn_mcxt);
  }

  HeapTuple row = trigger->tg_trigtuple;
  int numbers[id_column_count];
  Datum values[id_column_count]{};
  bool nulls[id_column_count];
  int count = 0;
  ResetExprContext(filled->context);
  for (int i = 0; i < filled->count; i++) {
    const Filled &column = filled->columns[i];
    if (!heap_attisnull(row, column.column, RelationGetDescr(trigger->tg_relation))) continue;
    numbers[count] = column.column;
    values[count] = ExecEvalExprSwitchContext(column.value, filled->context, &nulls[count]);
    if (!nulls[count]) count++;
  }
  if (count > 0)
    row =
        heap_modify_tuple_by_cols(row, RelationGetDescr(trigger->tg_relation), count, numbers, values, nulls);
  return PointerGetDatum(row);
}
}

}  // namespace tenancy::pg
