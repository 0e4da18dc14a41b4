#include "pg/plan/row_filter_functions.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/plan/written_row.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/identity.hpp"

namespace tenancy::pg {
namespace {

// CACHES: a call site's filter between rows: the same expression with which planning would have replaced
// the call, on parameters that take the row's values.
struct CallState {
  MemoryContext context;
  SessionToken token;
  uint64 stamp;
  TimestampTz not_after;
  ExprState *expression;
  ExprContext *expression_context;
  ParamListInfo values;
  char *resource;
  char *command;
  bool with_organization;
  char *options;
};

bool is_current(const CallState *state, const char *resource, const char *command, bool with_organization,
                const char *options) {
  return state != nullptr && state->token.valid() && state->stamp == identity_stamp() &&
         state->not_after > statement_time() && strcmp(state->resource, resource) == 0 &&
         strcmp(state->command, command) == 0 && state->with_organization == with_organization &&
         strcmp(state->options, options) == 0;
}

Oid argument_collation(const FmgrInfo *function, int argument) {
  const Node *call = function->fn_expr;
  if (call == nullptr || !IsA(call, FuncExpr)) return DEFAULT_COLLATION_OID;
  return exprCollation(
      static_cast<Node *>(list_nth(reinterpret_cast<const FuncExpr *>(call)->args, argument)));
}

CallState *prepare(FmgrInfo *call, RowAnswer answer, const char *resource, const char *command,
                   bool with_organization, const char *options) {
  if (call->fn_extra != nullptr) {
    const MemoryContext old = static_cast<CallState *>(call->fn_extra)->context;
    call->fn_extra = nullptr;
    MemoryContextDelete(old);
  }
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "tenancy row filter", ALLOCSET_SMALL_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  auto *state = static_cast<CallState *>(palloc0(sizeof(CallState)));
  state->context = context;
  state->resource = pstrdup(resource);
  state->command = pstrdup(command);
  state->with_organization = with_organization;
  state->options = pstrdup(options);
  state->values = makeParamList(id_column_count);

  Node *columns[id_column_count];
  for (int i = 0; i < id_column_count; i++) {
    const int argument = first_column_argument + i;
    const Oid type = get_fn_expr_argtype(call, argument);
    if (!OidIsValid(type))
      ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                      errmsg("could not determine the type of a row's column")));
    state->values->params[i].ptype = type;
    state->values->params[i].pflags = PARAM_FLAG_CONST;
    columns[i] = id_parameter(i + 1, type, argument_collation(call, argument));
  }
  give_back_numbers();
  state->token = SessionToken::now();
  Principal *principal = current_principal_or_undecided();
  state->stamp = identity_stamp();
  state->not_after = principal->valid_until;
  RowShape shape = row_options(options);
  shape.organization_agrees = with_organization;
  const RowColumns row = columns_of_arguments(shape, columns[0], columns[1], columns[2], columns[3]);
  const RowCondition filter = row_filter(*principal, answer, resource, command, row);
  state->expression = ExecInitExprWithParams(filter.expression, state->values);
  state->expression_context = CreateStandaloneExprContext();
  state->expression_context->ecxt_param_list_info = state->values;
  MemoryContextSwitchTo(caller);
  MemoryContextSetParent(context, call->fn_mcxt);
  call->fn_extra = state;
  return state;
}

bool is_written_for_another(FunctionCallInfo fcinfo, const char *resource, const char *command,
                            const char *options) {
  give_back_numbers();
  Principal *principal = current_principal_or_undecided();
  const auto known = command_named(command);
  return known && may_write_for_others_somewhere(*principal, resource) &&
         judge_written_row(*principal, resource, *known, row_options(options),
                           written_ids_of_call(fcinfo, first_column_argument), false)
             .is_for_another;
}

Datum evaluate(FunctionCallInfo fcinfo, RowAnswer answer) {
  if (PG_ARGISNULL(resource_argument) || PG_ARGISNULL(command_argument)) PG_RETURN_BOOL(false);
  const char *resource = text_to_cstring(PG_GETARG_TEXT_PP(resource_argument));
  const char *command = text_to_cstring(PG_GETARG_TEXT_PP(command_argument));
  const bool with_organization = PG_NARGS() > with_organization_argument &&
                                 !PG_ARGISNULL(with_organization_argument) &&
                                 PG_GETARG_BOOL(with_organization_argument);
  const char *options = PG_NARGS() > options_argument && !PG_ARGISNULL(options_argument)
                            ? text_to_cstring(PG_GETARG_TEXT_PP(options_argument))
                            : "";
  AcceptInvalidationMessages();
  auto *state = static_cast<CallState *>(fcinfo->flinfo->fn_extra);
  if (!is_current(state, resource, command, with_organization, options))
    state = prepare(fcinfo->flinfo, answer, resource, command, with_organization, options);

  for (int i = 0; i < id_column_count; i++) {
    state->values->params[i].value = PG_GETARG_DATUM(first_column_argument + i);
    state->values->params[i].isnull = PG_ARGISNULL(first_column_argument + i);
  }
  bool is_null = false;
  ResetExprContext(state->expression_context);
  const Datum result = ExecEvalExprSwitchContext(state->expression, state->expression_context, &is_null);
  if (!is_null && DatumGetBool(result)) PG_RETURN_BOOL(true);
  PG_RETURN_BOOL(answer == RowAnswer::accepted && is_written_for_another(fcinfo, resource, command, options));
}

// A dropped column has type 0, and the server may ask about columns in any order; a type may go meanwhile.
bool type_exists(Oid type) { return SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)); }

Node *column_or_nothing(Node *argument) { return exprType(argument) == UNKNOWNOID ? nullptr : argument; }

}  // namespace

RowColumns columns_of_arguments(const RowShape &options, Node *organization, Node *workspace, Node *owner,
                                Node *api_key) {
  return row_columns(options, column_or_nothing(organization), column_or_nothing(workspace),
                     column_or_nothing(owner), column_or_nothing(api_key));
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_row_visible);
Datum pg_tenancy_row_visible(PG_FUNCTION_ARGS) { return evaluate(fcinfo, RowAnswer::visible); }

PG_FUNCTION_INFO_V1(pg_tenancy_payload_visible);
Datum pg_tenancy_payload_visible(PG_FUNCTION_ARGS) { return evaluate(fcinfo, RowAnswer::payload); }

// For protect(), which refuses columns that the filter could not compare.
PG_FUNCTION_INFO_V1(pg_tenancy_is_id_type);
Datum pg_tenancy_is_id_type(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid type = PG_GETARG_OID(0);
  PG_RETURN_BOOL(type_exists(type) && id_type(type, PG_GETARG_OID(1)) != IdType::unsupported);
}

PG_FUNCTION_INFO_V1(pg_tenancy_base_type);
Datum pg_tenancy_base_type(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid type = PG_GETARG_OID(0);
  PG_RETURN_OID(type_exists(type) ? getBaseType(type) : type);
}

PG_FUNCTION_INFO_V1(pg_tenancy_row_accepted);
Datum pg_tenancy_row_accepted(PG_FUNCTION_ARGS) { return evaluate(fcinfo, RowAnswer::accepted); }
}

}  // namespace tenancy::pg
