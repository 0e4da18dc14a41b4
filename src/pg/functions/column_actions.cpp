// protect(..., actions): a change of certain columns needs a permission of its own, in the workspace where
// the row was and in the one where it is.
//
// An AFTER ROW trigger checks it, since no BEFORE trigger can change the row any more. That the columns
// differ, or, in a row that is inserted or moves to another workspace, aren't what INSERT gives them by
// default, its WHEN has found out: other statements never come here.

#include "pg/catalog/caller.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/plan/permission_hint.hpp"
#include "pg/plan/row_filter.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/denials.hpp"
#include "pg/session/identity.hpp"

extern "C" {
#include "commands/trigger.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/rls.h"
}

namespace tenancy::pg {
namespace {

// CACHES: the rows for which the action is held, for a statement's trigger.
struct Held {
  MemoryContext context;
  SessionToken token;
  uint64 stamp;
  TimestampTz not_after;
  AttrNumber columns[id_column_count];
  ParamListInfo values;
  ExprState *condition;
  ExprContext *expression_context;
};

[[noreturn]] void refuse_trigger(const TriggerData *trigger) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("trigger \"%s\" of table \"%s\" was not made by protect()",
                         trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
                  errhint("Drop the trigger.")));
  pg_unreachable();
}

bool is_current(const Held *held) {
  return held != nullptr && held->token.valid() && held->stamp == identity_stamp() &&
         held->not_after > statement_time();
}

Held *find_held(FmgrInfo *call, const TriggerData *trigger, const char *action) {
  AcceptInvalidationMessages();
  if (is_current(static_cast<Held *>(call->fn_extra))) return static_cast<Held *>(call->fn_extra);
  if (call->fn_extra != nullptr) {
    const MemoryContext old = static_cast<Held *>(call->fn_extra)->context;
    call->fn_extra = nullptr;
    MemoryContextDelete(old);
  }
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "tenancy column action", ALLOCSET_SMALL_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  const Relation relation = trigger->tg_relation;
  const ProtectedTable table = read_protected_table(RelationGetRelid(relation));
  if (!table.found || columns_of_action(table, action) == nullptr) refuse_trigger(trigger);

  auto *held = static_cast<Held *>(palloc0(sizeof(Held)));
  held->context = context;
  held->values = makeParamList(id_column_count);
  Node *nodes[id_column_count]{};
  for (int i = 0; i < id_column_count; i++) {
    if (table.column_names[i] == nullptr) continue;
    held->columns[i] = get_attnum(RelationGetRelid(relation), table.column_names[i]);
    if (held->columns[i] == InvalidAttrNumber) refuse_trigger(trigger);
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), held->columns[i] - 1);
    held->values->params[i].ptype = attribute->atttypid;
    held->values->params[i].pflags = PARAM_FLAG_CONST;
    nodes[i] = id_parameter(i + 1, attribute->atttypid, attribute->attcollation);
  }
  give_back_numbers();
  held->token = SessionToken::now();
  const PermissionSet permission = registered_permission(table.resource, action);
  Principal *principal = current_principal();
  held->stamp = identity_stamp();
  held->not_after = principal->valid_until;
  RowShape shape;
  shape.workspace_decides = table.workspace_decides;
  const RowCondition condition =
      rows_with(*principal, permission, row_columns(shape, nodes[0], nodes[1], nodes[2], nodes[3]));
  held->condition = ExecInitExprWithParams(condition.expression, held->values);
  held->expression_context = CreateStandaloneExprContext();
  held->expression_context->ecxt_param_list_info = held->values;
  MemoryContextSwitchTo(caller);
  MemoryContextSetParent(context, call->fn_mcxt);
  call->fn_extra = held;
  return held;
}

bool is_held(Held *held, const Relation relation, HeapTuple row) {
  for (int i = 0; i < id_column_count; i++) {
    ParamExternData &value = held->values->params[i];
    value.isnull = true;
    if (held->columns[i] != InvalidAttrNumber)
      value.value = heap_getattr(row, held->columns[i], RelationGetDescr(relation), &value.isnull);
  }
  bool is_null = false;
  ResetExprContext(held->expression_context);
  const Datum result = ExecEvalExprSwitchContext(held->condition, held->expression_context, &is_null);
  return !is_null && DatumGetBool(result);
}

// To whom no policy applies, the action is no matter either. A row that moves along with its parent is
// changed by its table's owner, but the rights of the user who moves the parent count.
bool is_exempt(const Relation relation) {
  const Oid oid = RelationGetRelid(relation);
  if (check_enable_rls(oid, InvalidOid, true) == RLS_ENABLED) return false;
  return !after_triggers_run_as_who_queued || GetUserId() != relation->rd_rel->relowner ||
         check_enable_rls(oid, GetOuterUserId(), true) != RLS_ENABLED;
}

// Whether the row goes to another organization or workspace.
bool is_moved(const ProtectedTable &table, const TriggerData *trigger) {
  const Relation relation = trigger->tg_relation;
  if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) return false;
  for (int i = 0; i < 2; i++) {
    const AttrNumber column = table.column_names[i] == nullptr
                                  ? InvalidAttrNumber
                                  : get_attnum(RelationGetRelid(relation), table.column_names[i]);
    if (column == InvalidAttrNumber) continue;
    bool was_null = false, is_null = false;
    const Datum was = heap_getattr(trigger->tg_trigtuple, column, RelationGetDescr(relation), &was_null);
    const Datum is = heap_getattr(trigger->tg_newtuple, column, RelationGetDescr(relation), &is_null);
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    if (was_null != is_null || (!is_null && !datum_image_eq(was, is, attribute->attbyval, attribute->attlen)))
      return true;
  }
  return false;
}

[[noreturn]] void refuse_change(const TriggerData *trigger, const char *action, bool is_old_row) {
  const Relation relation = trigger->tg_relation;
  const ProtectedTable table = read_protected_table(RelationGetRelid(relation));
  const char *where = table.column_names[id_column::workspace] == nullptr ? "on the organization level"
                      : is_old_row ? "in the workspace where the row is"
                                   : "in the row's workspace";
  record_denial(Counter::denied_permission, psprintf("%s.%s", table.resource, action),
                "change of a column that needs it");
  const bool moves = is_moved(table, trigger);
  const char *columns = columns_of_action(table, action);
  const char *hint = permission_hint(*current_principal(), table.resource, action, Uuid{}, true,
                                     "tenancy.explain_authorize() says where the right would come from.");
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  moves ? errmsg("permission denied to move a row of table \"%s\" with its %s",
                                 RelationGetRelationName(relation), columns)
                        : errmsg("permission denied to change %s of table \"%s\"", columns,
                                 RelationGetRelationName(relation)),
                  errdetail("%s needs \"%s.%s\", which the session does not hold %s.",
                            moves ? "Another value than the default, or a change,"
                            : TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? "Another value than the default"
                                                                         : "The change",
                            table.resource, action, where),
                  errhint("%s", hint), errtable(relation)));
  pg_unreachable();
}

}  // namespace

extern "C" {
// AFTER INSERT, AFTER UPDATE; of partitions BEFORE UPDATE as well, since a row that moves to another
// partition is deleted and inserted. Argument: the action.
PG_FUNCTION_INFO_V1(pg_tenancy_check_action);
Datum pg_tenancy_check_action(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "check_action")));
  const auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  const bool is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
  if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
      !(is_update || TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) || trigger->tg_trigger->tgnargs != 1)
    refuse_trigger(trigger);
  HeapTuple row = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
  if (is_exempt(trigger->tg_relation)) return PointerGetDatum(row);
  const char *action = trigger->tg_trigger->tgargs[0];
  Held *held = find_held(fcinfo->flinfo, trigger, action);
  if (is_update && !is_held(held, trigger->tg_relation, trigger->tg_trigtuple))
    refuse_change(trigger, action, true);
  if (!is_held(held, trigger->tg_relation, row)) refuse_change(trigger, action, false);
  return PointerGetDatum(row);
}

// For protect(): whether a column's default cannot be compared with, since it differs each time it is worked
// out, or is that of its domain, which changes without the table.
PG_FUNCTION_INFO_V1(pg_tenancy_has_volatile_default);
Datum pg_tenancy_has_volatile_default(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Relation relation = table_open(PG_GETARG_OID(0), AccessShareLock);
  const AttrNumber column = get_attnum(RelationGetRelid(relation), NameStr(*PG_GETARG_NAME(1)));
  Node *value = column > 0 ? build_column_default(relation, column) : nullptr;
  const bool is_volatile =
      value != nullptr && (!TupleDescAttr(RelationGetDescr(relation), column - 1)->atthasdef ||
                           contain_volatile_functions(value));
  table_close(relation, AccessShareLock);
  PG_RETURN_BOOL(is_volatile);
}
}

}  // namespace tenancy::pg
