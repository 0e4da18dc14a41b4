// The one idea: at planning, a policy's call is replaced by what it means for this principal, in constants,
// so that the plan is the one that a hand-written WHERE gets.
//
// Such a plan is valid for one principal at one time. Two locks keep other principals from using it. It
// depends on plan_guard(), so that invalidation drops it when the principal may have changed
// (invalidation.hpp). And plan_guard(), which runs on each row that passes the filter, compares the stamp and
// the clock with those of the plan.

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/call_site.hpp"
#include "pg/plan/estimates.hpp"
#include "pg/plan/filtered_owner.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/plan/invalidation.hpp"
#include "pg/plan/known_row.hpp"
#include "pg/plan/organization_index.hpp"
#include "pg/plan/plan_cache.hpp"
#include "pg/plan/plan_guard.hpp"
#include "pg/plan/protected_relation.hpp"
#include "pg/plan/refused_write.hpp"
#include "pg/plan/row_filter_functions.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/server/refused.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/administrator.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {
namespace {

const char *constant_text(const Node *node) {
  if (!IsA(node, Const)) return nullptr;
  const auto *constant = reinterpret_cast<const Const *>(node);
  if (constant->constisnull || constant->consttype != TEXTOID) return nullptr;
  return TextDatumGetCString(constant->constvalue);
}

// RETURNS whether the organization must agree as well, which only a constant argument can say.
bool is_with_organization(const FuncExpr *call, bool *known) {
  *known = true;
  if (list_length(call->args) <= with_organization_argument) return false;
  const auto *argument = static_cast<Node *>(list_nth(call->args, with_organization_argument));
  *known = IsA(argument, Const);
  if (!*known) return false;
  const auto *constant = reinterpret_cast<const Const *>(argument);
  return !constant->constisnull && DatumGetBool(constant->constvalue);
}

// The call to be replaced.
struct Call {
  PlannerInfo *root;
  const FuncExpr *expression;
  RowColumns columns;
  RowExpressionStyle style;
  Place place;
  Node *row;            // an argument that depends on the row
  bool columns_decide;  // no constant stands for the organization or the workspace
};

bool varies(Node *column) { return column == nullptr || contain_var_clause(column); }

// RETURNS false for a call that stays: one without a row, or with more than the row's columns.
bool read_call(PlannerInfo *root, const FuncExpr *expression, const RowColumns &columns, bool is_in_check,
               Call &call) {
  call = {root, expression, columns, {}, Place::elsewhere, nullptr, false};
  for (Node *column : {columns.api_key, columns.owner, columns.workspace, columns.organization}) {
    if (column == nullptr) continue;
    if (!can_be_copied(column)) return false;
    if (contain_var_clause(column)) call.row = column;
  }
  if (call.row == nullptr) return false;
  call.columns_decide = varies(columns.organization) && varies(columns.workspace);
  call.place = place_of(root, expression, is_in_check);
  // In a condition, NULL acts like false. Elsewhere the call is false for a NULL column, as in row-by-row
  // evaluation.
  call.style.false_for_null = call.place != Place::condition || !call.columns_decide;
  if (!call.columns_decide) call.style.not_null = reinterpret_cast<const Node *>(expression);  // no column
  return true;
}

Const *stamp_constant() {
  return makeConst(INT8OID, -1, InvalidOid, 8, Int64GetDatum(static_cast<int64>(identity_stamp())), false,
                   FLOAT8PASSBYVAL);
}

Const *not_after_constant(const Principal &principal) {
  return makeConst(TIMESTAMPTZOID, -1, InvalidOid, 8, TimestampTzGetDatum(principal.valid_until), false,
                   FLOAT8PASSBYVAL);
}

// A column argument makes the guard run on each row. Without one, a query's own filter would evaluate it
// once, at the start, and a cursor would continue after a change of the principal. The guard is false for
// NULL, so the column is one that is NULL in no row that passes, or a constant.
Expr *plan_guard(const Call &call, const Principal &principal, Node *decisive) {
  Const *stamp = stamp_constant();
  Const *not_after = not_after_constant(principal);
  const bool is_column = decisive != nullptr && call.columns_decide;
  Node *seen = is_column ? static_cast<Node *>(copyObjectImpl(decisive))
                         : reinterpret_cast<Node *>(null_test(call.row, IS_NULL));
  return reinterpret_cast<Expr *>(makeFuncExpr(guard_function(Guard::plan), BOOLOID,
                                               list_make3(stamp, not_after, seen), InvalidOid, InvalidOid,
                                               COERCE_EXPLICIT_CALL));
}

// The guard in a place that depends on no row.
Expr *of_no_row(const Principal &principal) {
  return reinterpret_cast<Expr *>(
      makeFuncExpr(guard_function(Guard::plan), BOOLOID,
                   list_make3(stamp_constant(), not_after_constant(principal), makeBoolConst(true, false)),
                   InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

Const *nothing(Oid type) { return makeConst(type, -1, InvalidOid, 8, 0, true, true); }

bool is_constant(const Expr *expression) { return IsA(expression, Const); }
bool is_true(const Expr *constant) {
  return DatumGetBool(reinterpret_cast<const Const *>(constant)->constvalue);
}

// For reads, the guard is estimated first (estimates.hpp). The conditions of a scan are evaluated in the
// order of their cost, the guard last.
List *with_guard(const Call &call, RowAnswer answer, Expr *filter, Expr *guard) {
  return answer == RowAnswer::visible && call.place == Place::condition ? list_make2(guard, filter)
                                                                        : list_make2(filter, guard);
}

// Whether what is false now may be otherwise later, without a notification: a denial, or the credential, ends
// by itself.
bool may_end(const Principal &principal) { return principal.valid_until != DT_NOEND; }

// A condition evaluates the guard last, on rows that match. Without any matching rows it needs none, as long
// as that has no end: then the guard is evaluated once, at the start. For the payload, true refers to rows
// that a guarded filter has let pass. Elsewhere, the result for other rows matters as well.
Expr *guarded(const Call &call, RowAnswer answer, const Principal &principal, const RowCondition &filter) {
  if (call.place != Place::elsewhere) {
    if (!is_constant(filter.expression))
      return make_andclause(
          with_guard(call, answer, filter.expression, plan_guard(call, principal, filter.decisive)));
    return is_true(filter.expression) || !may_end(principal) ? filter.expression
                                                             : make_notclause(of_no_row(principal));
  }
  if (!is_constant(filter.expression))
    return make_andclause(list_make2(plan_guard(call, principal, filter.decisive), filter.expression));
  Expr *guard = plan_guard(call, principal, nullptr);
  return is_true(filter.expression) ? guard : make_notclause(guard);
}

// A filter that is constant false contains no guard. The plan depends on the guard all the same, or it would
// never be dropped.
void depend_on(Guard guard, PlannerInfo *root) {
  count(Counter::specializations);
  note_plan_with(guard, GetMemoryChunkContext(root->glob));
  record_plan_function_dependency(root, guard_function(guard));
}

// RETURNS a column with the same value in all rows that the principal reaches, or nullptr.
Node *column_to_check(const Principal &principal, const RowColumns &columns, Entity *entity) {
  const bool by_workspace = principal.access->only_workspace() && columns.workspace != nullptr;
  *entity = by_workspace ? Entity::workspace : Entity::organization;
  return by_workspace ? columns.workspace : columns.organization;
}

// RETURNS the filter for all principals of this rights profile, or nullptr if there is none. Its guard
// compares the row's id as well, so it cannot be evaluated on rows that don't match.
Expr *shared_filter(const Call &call, Principal &principal, RowAnswer answer, const char *resource,
                    const char *command) {
  // The id can be NULL.
  if (call.columns.shape.shared || call.columns.shape.workspace_decides) return nullptr;
  if (!configuration.share_plans || is_simulation() || !has_rights_profile(principal) ||
      call.place == Place::elsewhere)
    return nullptr;
  Entity entity = Entity::organization;
  Node *column = column_to_check(principal, call.columns, &entity);
  if (column == nullptr || !contain_var_clause(column)) return nullptr;
  SharedIds shared{&principal, true};
  RowExpressionStyle style = call.style;
  style.shared = &shared;
  style.not_null = column;
  Expr *filter = row_filter(principal, answer, resource, command, call.columns, style).expression;
  // Of no rows, it would compare no id, and hold for those, too, whose denial ends.
  if (!shared.everywhere || is_constant(filter)) return nullptr;
  server_fault_point();
  shared_plan_made(principal);
  server_fault_point();
  depend_on(Guard::shape, call.root);
  return make_andclause(with_guard(call, answer, filter, shape_guard(principal, entity, column)));
}

// RETURNS the organization's comparison, to be added to the filter that implies it, or nullptr if it would
// not help.
Expr *add_organization(const Call &call, const Principal &principal, RowCondition &filter) {
  if (!organization_helps(call.root, call.columns, filter)) return nullptr;
  Expr *comparison = is_organization(call.columns.organization, principal.organization);
  if (!IsA(comparison, OpExpr)) return nullptr;
  filter.expression = make_andclause(list_make2(filter.expression, comparison));
  return comparison;
}

// RETURNS the guard alone, if the check of the one row that is written is decided here (folded_insert.cpp).
Expr *decided_check(const Call &call, RowAnswer answer, Principal &principal, const char *resource,
                    Command command) {
  KnownRow row{};
  if (!find_known_row(call.root, call.columns, principal, row) ||
      !is_row_accepted(principal, answer, resource, command, call.columns, row.ids))
    return nullptr;
  keep_known_ids(row, principal);
  return guard_of_known_row(stamp_constant(), not_after_constant(principal));
}

Node *specialize_row_function(const SupportRequestSimplify *request, RowAnswer answer) {
  const FuncExpr *expression = request->fcall;
  if (list_length(expression->args) < row_function_arguments) return nullptr;
  const auto argument = [expression](int i) { return static_cast<Node *>(list_nth(expression->args, i)); };
  const char *resource = constant_text(argument(resource_argument));
  const char *command = constant_text(argument(command_argument));
  bool known = false;
  const bool with_organization = is_with_organization(expression, &known);
  // If the call is executed at all, it raises the error about unknown names itself.
  if (resource == nullptr || command == nullptr || !known) return nullptr;
  const auto known_command = command_named(command);
  if (!known_command) return nullptr;
  // A DBA's credential needs not be valid. Its rows are decided first, by the other policy.
  if (is_of_catalog(resource) && is_administrator()) return nullptr;
  RowShape shape;
  if (list_length(expression->args) > options_argument) {
    const char *options = constant_text(argument(options_argument));
    if (options == nullptr) return nullptr;
    shape = row_options(options);
  }
  shape.organization_agrees = with_organization;
  const RowColumns columns = columns_of_arguments(shape, argument(2), argument(3), argument(4), argument(5));
  WriteCheck check{};
  const bool is_check = find_write_check(request->root, expression, *known_command, check);
  Call call{};
  if (!read_call(request->root, expression, columns, is_check, call)) return nullptr;
  if (answer == RowAnswer::payload && call.place == Place::elsewhere &&
      is_for_visible_rows(request->root, expression))
    call.place = Place::alternative;

  give_back_numbers();
  Principal *principal = current_principal_or_undecided();
  check_filtered_owner(request->root, call.row, *principal);
  // Rows are judged by their values in checks of written rows only.
  if (answer == RowAnswer::accepted && !is_check && may_write_for_others_somewhere(*principal, resource))
    return nullptr;
  Expr *filter = shared_filter(call, *principal, answer, resource, command);
  Expr *implied = nullptr;
  if (filter != nullptr) {
    if (is_check)
      filter = explained_check(check, expression, shape, nothing(INT8OID), nothing(TIMESTAMPTZOID), filter);
  } else {
    depend_on(Guard::plan, request->root);
    if (is_check)
      if (Expr *guard = decided_check(call, answer, *principal, resource, *known_command); guard != nullptr)
        return reinterpret_cast<Node *>(guard);
    RowCondition own = row_filter(*principal, answer, resource, command, call.columns, call.style);
    server_fault_point();
    if (answer == RowAnswer::visible && call.place == Place::condition)
      implied = add_organization(call, *principal, own);
    filter = is_check ? explained_check(check, expression, shape, stamp_constant(),
                                        not_after_constant(*principal), own.expression)
                      : guarded(call, answer, *principal, own);
  }
  if (answer == RowAnswer::visible) note_row_filter(request->root, columns, filter, implied);
  return reinterpret_cast<Node *>(filter);
}

// The query's own, or of a query around it: a sub-select without any is evaluated once for all of their rows.
bool has_tables(const PlannerInfo *root) {
  for (; root != nullptr; root = root->parent_root) {
    const ListCell *cell = nullptr;
    foreach (cell, root->parse->rtable)
      if (lfirst_node(RangeTblEntry, cell)->rtekind != RTE_RESULT) return true;
  }
  return false;
}

// Of no row. Held, it is the guard, which answers true; not held, false, which can take a condition's
// alternative away. Without a table (PL/pgSQL's IF) there is nothing to gain, and a plan to lose.
Node *specialize_authorize_anywhere(const SupportRequestSimplify *request, const char *resource,
                                    const char *action) {
  if (!has_tables(request->root)) return nullptr;
  give_back_numbers();
  const PermissionSet permission = registered_permission(resource, action);
  const Principal *principal = current_principal_or_undecided();
  depend_on(Guard::plan, request->root);
  const bool is_held = principal->access->anywhere(permission) != Rows::none;
  if (!is_held && !may_end(*principal) && place_of(request->root, request->fcall, false) != Place::elsewhere)
    return makeBoolConst(false, false);
  Expr *guard = of_no_row(*principal);
  return reinterpret_cast<Node *>(is_held ? guard : make_notclause(guard));
}

// The catalogs' policy for DBAs. False for everybody else, so that the other policies' conditions, without
// the alternative, can be index conditions. A plan with row security is made anew for another role, and this
// one also after a GRANT.
Node *specialize_dba_sees(const SupportRequestSimplify *request) {
  PlannerInfo *root = request->root;
  if (!root->parse->hasRowSecurity || is_administrator()) return nullptr;
  depend_on(Guard::plan, root);
  if (const Oid marker = find_marker("administrator"); OidIsValid(marker))
    record_plan_type_dependency(root, marker);
  return makeBoolConst(false, false);
}

Node *specialize_authorize(const SupportRequestSimplify *request) {
  const FuncExpr *expression = request->fcall;
  const int arguments = list_length(expression->args);
  if (arguments < 2 || arguments > 3) return nullptr;
  const char *resource = constant_text(static_cast<Node *>(linitial(expression->args)));
  const char *action = constant_text(static_cast<Node *>(lsecond(expression->args)));
  if (arguments == 2)
    return resource != nullptr && action != nullptr && is_registered(resource, action)
               ? specialize_authorize_anywhere(request, resource, action)
               : nullptr;
  auto *workspace = static_cast<Node *>(lthird(expression->args));
  if (resource == nullptr || action == nullptr || id_type(exprType(workspace), InvalidOid) != IdType::uuid ||
      !is_registered(resource, action))
    return nullptr;
  Call call{};
  if (!read_call(request->root, expression, row_columns({}, nullptr, workspace, nullptr, nullptr), false,
                 call))
    return nullptr;
  give_back_numbers();
  const PermissionSet permission = registered_permission(resource, action);
  Principal *principal = current_principal_or_undecided();
  // Held on the organization level, whatever the workspace.
  if (principal->access->on_organization_itself().rows(permission) != Rows::none) return nullptr;
  depend_on(Guard::plan, request->root);
  return reinterpret_cast<Node *>(guarded(call, RowAnswer::accepted, *principal,
                                          authorized_workspaces(*principal, permission, workspace)));
}

const SupportRequestSimplify *simplification(Node *request) {
  if (!IsA(request, SupportRequestSimplify)) return nullptr;
  const auto *simplify = reinterpret_cast<const SupportRequestSimplify *>(request);
  // An expression outside of any query has no rows.
  const bool in_query = simplify->root != nullptr && simplify->root->parse != nullptr;
  if (!in_query || !configuration.specialize) return nullptr;
  begin_statement();
  return simplify;
}

}  // namespace

void check_plan_is_current(uint64 stamp, TimestampTz not_after) {
  if (unlikely(stamp != identity_stamp())) {
    count(Counter::guard_refusals);
    drop_specialized_plans();  // so that trying again makes a new plan
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the session's principal has changed since the query was planned"),
                    errhint("Run the query again.")));
  }
  // A credential without an end needs no comparison with the clock.
  if (not_after != DT_NOEND && not_after <= statement_time()) {
    count(Counter::guard_refusals);
    if (has_credential_ended())
      ereport(ERROR, (refused(Refused::credential), errmsg("invalid or expired credential")));
    drop_specialized_plans();  // so that trying again makes a new plan
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("the session's rights have changed since the query was planned"),
                    errdetail("A part of them has ended."), errhint("Run the transaction again.")));
  }
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_row_visible_support);
Datum pg_tenancy_row_visible_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_row_function(request, RowAnswer::visible));
}

PG_FUNCTION_INFO_V1(pg_tenancy_payload_visible_support);
Datum pg_tenancy_payload_visible_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_row_function(request, RowAnswer::payload));
}

PG_FUNCTION_INFO_V1(pg_tenancy_row_accepted_support);
Datum pg_tenancy_row_accepted_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_row_function(request, RowAnswer::accepted));
}

PG_FUNCTION_INFO_V1(pg_tenancy_dba_sees_support);
Datum pg_tenancy_dba_sees_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_dba_sees(request));
}

PG_FUNCTION_INFO_V1(pg_tenancy_authorize_support);
Datum pg_tenancy_authorize_support(PG_FUNCTION_ARGS) {
  const auto *request = simplification(reinterpret_cast<Node *>(PG_GETARG_POINTER(0)));
  PG_RETURN_POINTER(request == nullptr ? nullptr : specialize_authorize(request));
}

PG_FUNCTION_INFO_V1(pg_tenancy_plan_guard);
Datum pg_tenancy_plan_guard(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  count(Counter::rows_checked);
  check_plan_is_current(static_cast<uint64>(PG_GETARG_INT64(0)), PG_GETARG_TIMESTAMPTZ(1));
  PG_RETURN_BOOL(!PG_ARGISNULL(2));
}

// The guard is true for every row that reaches it; the server's default would be one in three.
PG_FUNCTION_INFO_V1(pg_tenancy_plan_guard_support);
Datum pg_tenancy_plan_guard_support(PG_FUNCTION_ARGS) {
  auto *request = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
  if (!IsA(request, SupportRequestSelectivity)) return Datum(0);
  auto *estimate = reinterpret_cast<SupportRequestSelectivity *>(request);
  if (!estimate->is_join && list_length(estimate->args) == 3)
    estimate_conditions(estimate->root, static_cast<Node *>(lthird(estimate->args)));
  estimate->selectivity = 1.0;
  PG_RETURN_POINTER(request);
}
}

}  // namespace tenancy::pg
