// The one idea: at planning, a policy's call is replaced by what it means for this principal, in constants,
// so that the plan is the one that a hand-written WHERE gets.
//
// Such a plan holds for one principal at one time. Two locks keep it from being used by another: it is
// dropped when that may have changed (invalidation.hpp), which it can be since it depends on plan_guard();
// and plan_guard(), which runs on each row that passes the filter, compares the stamp of the session's
// identity and the clock with those it was made for.

#include "pg/authorize.hpp"
#include "pg/counters.hpp"
#include "pg/fault_injection.hpp"
#include "pg/invalidation.hpp"
#include "pg/row_filter_functions.hpp"
#include "pg/settings.hpp"
#include "pg/shared_plans.hpp"
#include "pg/simulation.hpp"
#include "pg/statement_time.hpp"

namespace tenancy::pg {
namespace {

const char *constant_text(const Node *node) {
  if (!IsA(node, Const)) return nullptr;
  const auto *constant = reinterpret_cast<const Const *>(node);
  if (constant->constisnull || constant->consttype != TEXTOID) return nullptr;
  return TextDatumGetCString(constant->constvalue);
}

// Whether the call says that the organization must agree, too; nothing else than a constant can be read here.
bool is_with_organization(const FuncExpr *call, bool *known) {
  *known = true;
  if (list_length(call->args) <= with_organization_argument) return false;
  const auto *argument = static_cast<Node *>(list_nth(call->args, with_organization_argument));
  *known = IsA(argument, Const);
  if (!*known) return false;
  const auto *constant = reinterpret_cast<const Const *>(argument);
  return !constant->constisnull && DatumGetBool(constant->constvalue);
}

// False needs no guard, since it lets nothing pass; true is said of rows that a guarded filter has let pass
// (payload).
bool is_constant(const Expr *expression) { return IsA(expression, Const); }

Expr *guarded(Expr *filter, const Principal &principal) {
  if (is_constant(filter)) return filter;
  Const *stamp = makeConst(INT8OID, -1, InvalidOid, 8, Int64GetDatum(static_cast<int64>(identity_stamp())),
                           false, FLOAT8PASSBYVAL);
  Const *not_after = makeConst(TIMESTAMPTZOID, -1, InvalidOid, 8, TimestampTzGetDatum(principal.not_after),
                               false, FLOAT8PASSBYVAL);
  // A column of the row makes the guard run on each row: without, a query's own filter would ask it once, at
  // the start, and a cursor would go on after the principal has changed. Any column that the filter reads
  // will do.
  List *columns = pull_vars_of_level(reinterpret_cast<Node *>(filter), 0);
  if (columns == NIL) return nullptr;  // a call on no row is left as it is
  FuncExpr *guard = makeFuncExpr(guard_function(Guard::plan), BOOLOID,
                                 list_make3(stamp, not_after, copyObjectImpl(linitial(columns))), InvalidOid,
                                 InvalidOid, COERCE_EXPLICIT_CALL);
  return make_andclause(list_make2(filter, guard));
}

// A filter that comes out as false holds no guard: the plan depends on the guard all the same, or it would
// stay for ever.
void depend_on(Guard guard, PlannerInfo *root) {
  count(Counter::specializations);
  record_plan_function_dependency(root, guard_function(guard));
}

// A column whose value is the same in all rows that the principal reaches; nullptr if there is none.
Node *column_to_check(const Principal &principal, const RowColumns &columns, Entity *entity) {
  const bool by_workspace = principal.access->only_workspace() && columns.workspace != nullptr;
  *entity = by_workspace ? Entity::workspace : Entity::organization;
  return by_workspace ? columns.workspace : columns.organization;
}

// The filter for all whose rights have the principal's shape; nullptr where it can't be written so.
Expr *shared_filter(PlannerInfo *root, Principal &principal, RowFunction function, const char *resource,
                    const char *command, RowColumns columns, bool with_organization) {
  // Its guard compares one id in all rows, and these have none.
  if (columns.options.shared || columns.options.workspace_decides) return nullptr;
  if (!settings.share_plans || is_simulation() || !has_shape(principal)) return nullptr;
  Entity entity = Entity::organization;
  Node *column = column_to_check(principal, columns, &entity);
  if (column == nullptr || !contain_var_clause(column)) return nullptr;
  SharedIds shared{&principal, true};
  columns.shared = &shared;
  Expr *filter = filter_of_call(principal, function, resource, command, columns, with_organization);
  if (!shared.everywhere) return nullptr;
  server_fault_point();
  shared_plan_made(principal);
  server_fault_point();
  depend_on(Guard::shape, root);
  if (is_constant(filter)) return filter;
  Const *shape = makeConst(UUIDOID, -1, InvalidOid, UUID_LEN, uuid_datum(shape_of(principal)), false, false);
  Const *checked = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
                             CStringGetTextDatum(filter_id_name(entity)), false, false);
  FuncExpr *guard =
      makeFuncExpr(guard_function(Guard::shape), BOOLOID, list_make3(shape, checked, copyObjectImpl(column)),
                   InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
  return make_andclause(list_make2(filter, guard));
}

Node *specialize_row_function(const SupportRequestSimplify *request, RowFunction function) {
  const FuncExpr *call = request->fcall;
  if (list_length(call->args) < row_function_arguments) return nullptr;
  const auto argument = [call](int i) { return static_cast<Node *>(list_nth(call->args, i)); };
  const char *resource = constant_text(argument(resource_argument));
  const char *command = constant_text(argument(command_argument));
  bool known = false;
  const bool with_organization = is_with_organization(call, &known);
  if (resource == nullptr || command == nullptr || !known) return nullptr;
  RowColumns columns = columns_of_arguments(argument(2), argument(3), argument(4), argument(5));
  if (list_length(call->args) > options_argument) {
    const char *options = constant_text(argument(options_argument));
    if (options == nullptr) return nullptr;
    columns.options = row_options(options);
  }

  Principal *principal = current_principal();
  Expr *for_many =
      shared_filter(request->root, *principal, function, resource, command, columns, with_organization);
  if (for_many != nullptr) return reinterpret_cast<Node *>(for_many);
  depend_on(Guard::plan, request->root);
  Expr *filter = filter_of_call(*principal, function, resource, command, columns, with_organization);
  server_fault_point();
  return reinterpret_cast<Node *>(guarded(filter, *principal));
}

Node *specialize_authorize(const SupportRequestSimplify *request) {
  const FuncExpr *call = request->fcall;
  if (list_length(call->args) != 3) return nullptr;
  const char *resource = constant_text(static_cast<Node *>(linitial(call->args)));
  const char *action = constant_text(static_cast<Node *>(lsecond(call->args)));
  auto *workspace = static_cast<Node *>(lthird(call->args));
  // Only a column is worth a filter; and on the organization level the workspace decides nothing.
  if (resource == nullptr || action == nullptr || !contain_var_clause(workspace) ||
      is_organization_level(resource) || id_type(exprType(workspace), InvalidOid) != IdType::uuid)
    return nullptr;
  Principal *principal = current_principal();
  depend_on(Guard::plan, request->root);
  return reinterpret_cast<Node *>(
      guarded(authorized_workspaces(*principal, authorized_by(resource, action), workspace), *principal));
}

const SupportRequestSimplify *simplification(Node *request) {
  if (!IsA(request, SupportRequestSimplify)) return nullptr;
  const auto *simplify = reinterpret_cast<const SupportRequestSimplify *>(request);
  return simplify->root != nullptr && settings.specialize ? simplify : nullptr;
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_row_visible_support);
Datum pg_tenancy_row_visible_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_row_function(request, RowFunction::visible));
}

PG_FUNCTION_INFO_V1(pg_tenancy_payload_visible_support);
Datum pg_tenancy_payload_visible_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_row_function(request, RowFunction::payload));
}

PG_FUNCTION_INFO_V1(pg_tenancy_row_accepted_support);
Datum pg_tenancy_row_accepted_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_row_function(request, RowFunction::accepted));
}

PG_FUNCTION_INFO_V1(pg_tenancy_authorize_support);
Datum pg_tenancy_authorize_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_authorize(request));
}

PG_FUNCTION_INFO_V1(pg_tenancy_plan_guard);
Datum pg_tenancy_plan_guard(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  if (unlikely(static_cast<uint64>(PG_GETARG_INT64(0)) != identity_stamp())) {
    count(Counter::guard_refusals);
    drop_specialized_plans();  // so that trying again makes a new plan
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the session's principal has changed since the query was planned"),
                    errhint("Run the query again.")));
  }
  // What never expires needn't be asked for the time.
  if (PG_GETARG_TIMESTAMPTZ(1) != DT_NOEND && PG_GETARG_TIMESTAMPTZ(1) <= statement_time()) {
    count(Counter::guard_refusals);
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION), errmsg("invalid or expired credential")));
  }
  PG_RETURN_BOOL(true);
}

// The guard lets every row pass that comes to it; the default guess would be one in three.
PG_FUNCTION_INFO_V1(pg_tenancy_plan_guard_support);
Datum pg_tenancy_plan_guard_support(PG_FUNCTION_ARGS) {
  auto *request = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
  if (!IsA(request, SupportRequestSelectivity)) PG_RETURN_POINTER(nullptr);
  reinterpret_cast<SupportRequestSelectivity *>(request)->selectivity = 1.0;
  PG_RETURN_POINTER(request);
}
}

}  // namespace tenancy::pg
