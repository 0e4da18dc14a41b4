#include "pg/plan/trusted_conditions.hpp"

#include <algorithm>
#include <span>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/plan/noticeable.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/result_rows.hpp"

namespace tenancy::pg {
namespace {

constexpr Oid scalar_types[] = {BOOLOID,   INT2OID,    INT4OID,      INT8OID,       FLOAT4OID,
                                FLOAT8OID, NUMERICOID, TEXTOID,      VARCHAROID,    BPCHAROID,
                                UUIDOID,   DATEOID,    TIMESTAMPOID, TIMESTAMPTZOID};
constexpr Oid range_types[] = {INT4RANGEOID, INT8RANGEOID, NUMRANGEOID,
                               DATERANGEOID, TSRANGEOID,   TSTZRANGEOID};
// Recursion over a condition ends in an error when the stack is exhausted, which no row must decide.
constexpr int most_levels = 16;
constexpr int most_parts = 64;
constexpr int longest_text = 1000;
constexpr int32 longest_span = 365'000;  // days; of an interval, each of its parts

bool is_one_of(Oid type, std::span<const Oid> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool is_own(Oid object) { return object < FirstGenbkiObjectId; }

const TrustedFunction *entry_of(Oid function) {
  for (const TrustedFunction &entry : trusted_functions)
    if (entry.function == function) return &entry;
  return nullptr;
}

const Const *constant(const Node *node, Oid type) {
  if (node == nullptr || !IsA(node, Const)) return nullptr;
  const auto *value = reinterpret_cast<const Const *>(node);
  return value->consttype == type ? value : nullptr;
}

// A pattern that ends in the middle of an escape is an error for those rows only that match up to there.
bool is_whole_pattern(Datum pattern) {
  const text *bytes = DatumGetTextPP(pattern);
  const char *end = VARDATA_ANY(bytes) + VARSIZE_ANY_EXHDR(bytes);
  const char *start = end;
  while (start > VARDATA_ANY(bytes) && start[-1] == '\\') start--;
  return (end - start) % 2 == 0;
}

// A single pattern, or each of an array (LIKE ANY).
bool are_whole_patterns(const Node *node) {
  if (const Const *one = constant(node, TEXTOID))
    return one->constisnull || is_whole_pattern(one->constvalue);
  const Const *many = constant(node, TEXTARRAYOID);
  if (many == nullptr) return false;
  if (many->constisnull) return true;
  Datum *patterns = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(many->constvalue), TEXTOID, -1, false, TYPALIGN_INT, &patterns, &nulls,
                    &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i] && !is_whole_pattern(patterns[i])) return false;
  return true;
}

Known known_of(Oid function) {
  const TrustedFunction *entry = entry_of(function);
  return entry == nullptr ? Known::nothing : entry->known;
}

// The current time, or a time computed from it by adding intervals.
// NOLINTNEXTLINE(misc-no-recursion)
bool is_time_now(const Node *node, int spans) {
  if (IsA(node, SQLValueFunction)) return true;
  Oid function = InvalidOid;
  const List *arguments = NIL;
  if (IsA(node, FuncExpr)) {
    function = reinterpret_cast<const FuncExpr *>(node)->funcid;
    arguments = reinterpret_cast<const FuncExpr *>(node)->args;
  } else if (IsA(node, OpExpr)) {
    function = get_opcode(reinterpret_cast<const OpExpr *>(node)->opno);
    arguments = reinterpret_cast<const OpExpr *>(node)->args;
  }
  if (function == F_NOW || function == F_TRANSACTION_TIMESTAMP || function == F_STATEMENT_TIMESTAMP)
    return true;
  switch (known_of(function)) {
    case Known::clock:
    case Known::clock_unit:
      return is_time_now(static_cast<const Node *>(llast(arguments)), spans);
    case Known::clock_span:
      return spans > 0 && is_time_now(static_cast<const Node *>(linitial(arguments)), spans - 1);
    default:
      return false;
  }
}

bool is_unit(const Node *node) {
  const Const *unit = constant(node, TEXTOID);
  if (unit == nullptr) return false;
  if (unit->constisnull) return true;
  const char *name = TextDatumGetCString(unit->constvalue);
  for (const char *known : {"minute", "hour", "day", "week", "month", "quarter", "year"})
    if (strcmp(name, known) == 0) return true;
  return false;
}

bool is_short_span(const Node *node) {
  if (const Const *days = constant(node, INT4OID))
    return days->constisnull || (DatumGetInt32(days->constvalue) >= -longest_span &&
                                 DatumGetInt32(days->constvalue) <= longest_span);
  const Const *span = constant(node, INTERVALOID);
  if (span == nullptr) return false;
  if (span->constisnull) return true;
  const Interval *value = DatumGetIntervalP(span->constvalue);
  const auto is_short = [](int64 amount, int64 per_day) {
    return amount >= -longest_span * per_day && amount <= longest_span * per_day;
  };
  return is_short(int64{value->month} * DAYS_PER_MONTH, 1) && is_short(value->day, 1) &&
         is_short(value->time, USECS_PER_DAY);
}

bool is_short_text(const Node *node) {
  const Const *value = constant(node, TEXTOID);
  return value != nullptr &&
         (value->constisnull || VARSIZE_ANY_EXHDR(DatumGetTextPP(value->constvalue)) <= longest_text);
}

// The text search configuration can be a user's; those of the server raise for no text.
bool is_own_configuration(const List *arguments) {
  if (list_length(arguments) < 2) {
    const Oid current = getTSCurrentConfig(false);
    return OidIsValid(current) && current < FirstNormalObjectId;
  }
  const Const *configuration = constant(static_cast<Node *>(linitial(arguments)), REGCONFIGOID);
  return configuration != nullptr &&
         (configuration->constisnull || DatumGetObjectId(configuration->constvalue) < FirstNormalObjectId);
}

bool is_flat_json(const Node *node) {
  const Const *value = constant(node, JSONBOID);
  if (value == nullptr) return false;
  if (value->constisnull) return true;
  JsonbIterator *iterator = JsonbIteratorInit(&DatumGetJsonbP(value->constvalue)->root);
  int levels = 0;
  JsonbValue part;
  for (;;) switch (JsonbIteratorNext(&iterator, &part, false)) {
      case WJB_BEGIN_ARRAY:
      case WJB_BEGIN_OBJECT:
        if (++levels > most_levels) return false;
        break;
      case WJB_END_ARRAY:
      case WJB_END_OBJECT:
        levels--;
        break;
      case WJB_DONE:
        return true;
      default:
        break;
    }
}

// A constant, or the result of a trusted function for a short text.
bool is_short_search(const Node *node) {
  if (IsA(node, FuncExpr)) return true;
  const Const *value = constant(node, TSQUERYOID);
  return value != nullptr && (value->constisnull || DatumGetTSQuery(value->constvalue)->size <= most_parts);
}

bool is_known(Known known, const List *arguments) {
  const auto *last = static_cast<const Node *>(llast(arguments));
  switch (known) {
    case Known::nothing:
      return true;
    case Known::pattern:
      return are_whole_patterns(last);
    case Known::either:
      return is_flat_json(static_cast<const Node *>(linitial(arguments))) || is_flat_json(last);
    case Known::words:
      return is_short_search(exprType(last) == TSQUERYOID ? last
                                                          : static_cast<const Node *>(linitial(arguments)));
    case Known::clock:
      return is_time_now(last, 1);
    case Known::clock_unit:
      return is_unit(static_cast<const Node *>(linitial(arguments))) && is_time_now(last, 1);
    case Known::clock_span:
      return is_time_now(static_cast<const Node *>(linitial(arguments)), 0) && is_short_span(last);
    case Known::short_text:
      return is_short_text(last) && is_own_configuration(arguments);
  }
  return false;
}

bool is_listed_element(Oid element) {
  return is_one_of(element, scalar_types) || (OidIsValid(element) && type_is_enum(element));
}

bool is_listed_argument(Arguments arguments, Oid type, Oid declared) {
  switch (arguments) {
    case Arguments::declared:
      return type == declared;
    case Arguments::enums:
      return type_is_enum(type);
    case Arguments::arrays:
      return is_listed_element(get_element_type(type));
    case Arguments::ranges:
      return is_one_of(type, range_types) || (declared == ANYELEMENTOID && is_one_of(type, scalar_types));
  }
  return false;
}

// `each`: the last argument is an array of such (ANY, ALL).
bool are_listed_arguments(const TrustedFunction &entry, const List *arguments, bool each) {
  Oid *declared = nullptr;
  int count = 0;
  get_func_signature(entry.function, &declared, &count);
  if (count != list_length(arguments)) return false;
  for (int i = 0; i < count; i++) {
    Oid type = exprType(static_cast<Node *>(list_nth(arguments, i)));
    if (each && i == count - 1) type = get_element_type(type);
    if (!is_listed_argument(entry.arguments, type, declared[i])) return false;
  }
  return true;
}

bool takes_collation(const TrustedFunction &entry, const List *arguments) {
  if (entry.collation == Collation::none) return false;
  if (entry.arguments != Arguments::arrays) return true;
  return type_is_collatable(get_element_type(exprType(static_cast<Node *>(linitial(arguments)))));
}

bool is_listed(Oid function, const List *arguments, Oid collation, bool each) {
  const TrustedFunction *entry = entry_of(function);
  if (entry == nullptr) return false;
  if (takes_collation(*entry, arguments) &&
      (!OidIsValid(collation) || !get_collation_isdeterministic(collation)))
    return false;
  return are_listed_arguments(*entry, arguments, each) &&
         (arguments == NIL || is_known(entry->known, arguments));
}

bool is_in_catalog(const char *function) {
  if (!has_catalog_index(CatalogIndex::trusted_functions_pkey)) return false;
  CatalogRead read = begin_catalog_read();
  ScanKeyData key;
  equals(&key, attribute::trusted_functions::function, F_TEXTEQ, CStringGetTextDatum(function));
  CatalogScan scan = begin_scan(read, CatalogIndex::trusted_functions_pkey, 1, &key);
  const bool found = HeapTupleIsValid(next_tuple(scan));
  end_scan(scan);
  end_catalog_read(read);
  return found;
}

// A function's owner can replace it, so only a superuser's function stays as it was when it was trusted.
bool is_added(Oid function) {
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  const Oid owner = form->proowner;
  const bool is_volatile = form->provolatile == PROVOLATILE_VOLATILE;
  ReleaseSysCache(tuple);
  return !is_volatile && superuser_arg(owner) && is_in_catalog(format_procedure_qualified(function));
}

// RETURNS whether the parameter stands for a column of a query around this one, whose row has been read. A
// sub-select's result, which others stand for, is computed when it is asked for.
bool is_outer_column(const PlannerInfo *root, const Param *parameter) {
  if (root == nullptr || parameter->paramkind != PARAM_EXEC) return false;
  for (const PlannerInfo *outer = root->parent_root; outer != nullptr; outer = outer->parent_root) {
    const ListCell *cell = nullptr;
    foreach (cell, outer->plan_params)
      if (const auto *item = lfirst_node(PlannerParamItem, cell); item->paramId == parameter->paramid)
        return IsA(item->item, Var) && reinterpret_cast<const Var *>(item->item)->varattno != 0;
  }
  return false;
}

struct Trust {
  const PlannerInfo *root;
  bool added;

  bool function(Oid function, const List *arguments, Oid collation, bool each = false) const {
    if (is_own(function) && get_func_leakproof(function)) return true;
    return is_listed(function, arguments, collation, each) || (added && is_added(function));
  }

  bool all(const List *operands) const {
    const ListCell *cell = nullptr;
    foreach (cell, operands)
      if (!operand(static_cast<Node *>(lfirst(cell)))) return false;
    return true;
  }

  bool row_comparison(const RowCompareExpr *compare) const {
    const ListCell *operators = nullptr;
    const ListCell *left = nullptr;
    const ListCell *right = nullptr;
    const ListCell *collations = nullptr;
    forfour(operators, compare->opnos, left, compare->largs, right, compare->rargs, collations,
            compare->inputcollids) if (!function(get_opcode(lfirst_oid(operators)),
                                                 list_make2(lfirst(left), lfirst(right)),
                                                 lfirst_oid(collations))) return false;
    return all(compare->largs) && all(compare->rargs);
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  bool operand(Node *node) const {
    switch (nodeTag(node)) {
      case T_Const:
      case T_SQLValueFunction:
        return true;
      case T_Var:
        return reinterpret_cast<Var *>(node)->varlevelsup == 0;
      case T_Param:
        return reinterpret_cast<Param *>(node)->paramkind == PARAM_EXTERN ||
               is_outer_column(root, reinterpret_cast<Param *>(node));
      case T_RelabelType:
        return operand(reinterpret_cast<Node *>(reinterpret_cast<RelabelType *>(node)->arg));
      case T_ArrayExpr:
        return is_silent_array(reinterpret_cast<ArrayExpr *>(node)) &&
               all(reinterpret_cast<ArrayExpr *>(node)->elements);
      case T_NullTest:
        return !reinterpret_cast<NullTest *>(node)->argisrow &&
               operand(reinterpret_cast<Node *>(reinterpret_cast<NullTest *>(node)->arg));
      case T_BooleanTest:
        return operand(reinterpret_cast<Node *>(reinterpret_cast<BooleanTest *>(node)->arg));
      case T_BoolExpr:
        return all(reinterpret_cast<BoolExpr *>(node)->args);
      case T_FuncExpr: {
        const auto *call = reinterpret_cast<FuncExpr *>(node);
        return !call->funcretset && !call->funcvariadic &&
               function(call->funcid, call->args, call->inputcollid) && all(call->args);
      }
      case T_OpExpr: {
        const auto *call = reinterpret_cast<OpExpr *>(node);
        return !call->opretset && function(get_opcode(call->opno), call->args, call->inputcollid) &&
               all(call->args);
      }
      case T_ScalarArrayOpExpr: {
        const auto *call = reinterpret_cast<ScalarArrayOpExpr *>(node);
        return function(get_opcode(call->opno), call->args, call->inputcollid, true) && all(call->args);
      }
      case T_RowCompareExpr:
        return row_comparison(reinterpret_cast<RowCompareExpr *>(node));
      default:
        return false;
    }
  }
};

const char *described(Arguments arguments) {
  switch (arguments) {
    case Arguments::declared:
      return "as declared";
    case Arguments::enums:
      return "an enum";
    case Arguments::arrays:
      return "arrays of a built-in scalar type or an enum";
    case Arguments::ranges:
      return "a built-in range type";
  }
  return "";
}

const char *described(Known known) {
  switch (known) {
    case Known::nothing:
      return nullptr;
    case Known::pattern:
      return "the pattern, whose last character is no escape";
    case Known::either:
      return "one of the two, with no more than 16 levels";
    case Known::words:
      return "the words that are searched for, no more than 64";
    case Known::clock:
      return "the time now";
    case Known::clock_unit:
      return "minute, hour, day, week, month, quarter or year, and the time now";
    case Known::clock_span:
      return "the time now, and a span of at most 1,000 years";
    case Known::short_text:
      return "a text of at most 1,000 bytes, and a configuration that the server brings";
  }
  return nullptr;
}

// Any user can create an operator from a function of the server, with another operator's estimator.
// NOLINTNEXTLINE(misc-no-recursion)
bool has_other_operator(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, OpExpr) && !is_own(reinterpret_cast<OpExpr *>(node)->opno)) return true;
  if (IsA(node, ScalarArrayOpExpr) && !is_own(reinterpret_cast<ScalarArrayOpExpr *>(node)->opno)) return true;
  if (IsA(node, RowCompareExpr)) {
    const ListCell *cell = nullptr;
    foreach (cell, reinterpret_cast<RowCompareExpr *>(node)->opnos)
      if (!is_own(lfirst_oid(cell))) return true;
  }
  // Distances between bounds are computed as floating-point numbers, and can overflow for these.
  if ((IsA(node, Var) || IsA(node, Const)) && exprType(node) == NUMRANGEOID) return true;
  return walk_expression(node, has_other_operator, context);
}

}  // namespace

bool is_trusted_estimate(const PlannerInfo *root, Node *condition) {
  return is_trusted(root, condition, false) && !has_other_operator(condition, nullptr);
}

bool is_trusted(const PlannerInfo *root, Node *condition, bool added) {
  return Trust{root, added}.operand(condition);
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_trusted_conditions);
Datum pg_tenancy_trusted_conditions(PG_FUNCTION_ARGS) {
  ResultRows rows(fcinfo);
  for (const TrustedFunction &entry : trusted_functions) {
    rows.add(ObjectIdGetDatum(entry.function));
    rows.add_text(described(entry.arguments));
    rows.add_text(entry.collation == Collation::none ? nullptr : "deterministic");
    rows.add_text(described(entry.known));
    rows.add_text(entry.reason);
    rows.end_row();
  }
  return Datum(0);
}
}

}  // namespace tenancy::pg
