#include "pg/plan/early_parameters.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"

namespace tenancy::pg {
namespace {

ExecutorStart_hook_type next_start = nullptr;

// The query that is being started.
struct Start {
  QueryDesc *description;
  int flags;
  ParamListInfo parameters;
  ParamCompileHook compile;  // the parameters' own
  Start *outer;
};

Start *innermost = nullptr;

[[noreturn]] void raise_no_value(int number) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("no value found for parameter %d", number)));
  pg_unreachable();
}

[[noreturn]] void raise_other_type(int number, Oid type, Oid planned) {
  ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                  errmsg("type of parameter %d (%s) does not match that when preparing the plan (%s)", number,
                         format_type_be(type), format_type_be(planned))));
  pg_unreachable();
}

// The errors are those that the evaluation would raise.
void check(const ParamExternData *value, const Param *parameter) {
  if (value == nullptr || !OidIsValid(value->ptype)) raise_no_value(parameter->paramid);
  if (value->ptype != parameter->paramtype)
    raise_other_type(parameter->paramid, value->ptype, parameter->paramtype);
}

void fetch(ParamListInfo parameters, const Param *parameter) {
  ParamExternData value;
  check(parameters->paramFetch(parameters, parameter->paramid, false, &value), parameter);
}

// As the server compiles it without a hook.
void compile_value(const Param *parameter, ExprState *expression, Datum *value, bool *is_null) {
  ExprEvalStep step{};
  step.opcode = EEOP_PARAM_EXTERN;
  step.resvalue = value;
  step.resnull = is_null;
  step.d.param.paramid = parameter->paramid;
  step.d.param.paramtype = parameter->paramtype;
  ExprEvalPushStep(expression, &step);
}

// Whether a query reads a table with row security, directly or by a view.
bool has_row_security(const PlannedStmt *statement) {
  const ListCell *cell = nullptr;
  foreach (cell, statement->rtable) {
    const auto *entry = lfirst_node(RangeTblEntry, cell);
    if (entry->rtekind != RTE_RELATION) continue;
    const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(entry->relid));
    if (!HeapTupleIsValid(tuple)) continue;
    const bool has = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relrowsecurity;
    ReleaseSysCache(tuple);
    if (has) return true;
  }
  return false;
}

const Start *start_with(ParamListInfo parameters) {
  for (const Start *start = innermost; start != nullptr; start = start->outer)
    if (start->parameters == parameters) return start;
  return nullptr;
}

extern "C" {
// Called for each parameter of the plan, of the type that it was planned with.
static void compile(ParamListInfo parameters, Param *parameter, ExprState *expression, Datum *value,
                    bool *is_null) {
  if (parameter->paramid > 0 && parameter->paramid <= parameters->numParams) fetch(parameters, parameter);
  start_with(parameters)->compile(parameters, parameter, expression, value, is_null);
}

// Lists of values that are there already: the type of one can differ if it was copied for a cursor.
static void compile_copied(ParamListInfo parameters, Param *parameter, ExprState *expression, Datum *value,
                           bool *is_null) {
  const int number = parameter->paramid;
  if (number > 0 && number <= parameters->numParams &&
      parameters->params[number - 1].ptype != parameter->paramtype &&
      has_row_security(start_with(parameters)->description->plannedstmt))
    check(&parameters->params[number - 1], parameter);
  compile_value(parameter, expression, value, is_null);
}
}

// NULL for none. A list that compiles no parameters, but fetches them, doesn't exist in the server.
ParamCompileHook early_compilation(const QueryDesc *description, int flags) {
  const ParamListInfoData *parameters = description->params;
  if (parameters == nullptr || parameters->numParams == 0 || (flags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
    return nullptr;
  if (parameters->paramFetch == nullptr)
    return parameters->paramCompile == nullptr ? compile_copied : nullptr;
  const bool is_compiled = parameters->paramCompile != nullptr && parameters->paramCompile != compile;
  return is_compiled && has_row_security(description->plannedstmt) ? compile : nullptr;
}

extern "C" {
static void start(QueryDesc *description, int flags) {
  const auto run_next = [](void *argument) {
    const auto *given = static_cast<Start *>(argument);
    if (next_start != nullptr)
      next_start(given->description, given->flags);
    else
      standard_ExecutorStart(given->description, given->flags);
  };
  ParamListInfo parameters = description->params;
  Start work{description, flags, parameters, nullptr, innermost};
  const ParamCompileHook early = early_compilation(description, flags);
  if (early == nullptr) {
    run_next(&work);
    return;
  }
  work.compile = parameters->paramCompile;
  innermost = &work;
  parameters->paramCompile = early;
  run_with_cleanup(
      run_next,
      [](void *argument) {
        const auto *ended = static_cast<Start *>(argument);
        ended->parameters->paramCompile = ended->compile;
        innermost = ended->outer;
      },
      &work);
}
}

}  // namespace

void register_early_parameters() {
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
}

}  // namespace tenancy::pg
