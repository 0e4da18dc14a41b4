#include "pg/plan/noticeable.hpp"

#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

// A value of these types has less than 100 kB, so no array or row of them gets too large.
constexpr int most_parts = 1000;
constexpr std::size_t longest_part = 100'000;
// A comparison of values of this size takes some microseconds, by the slowest of collations.
constexpr std::size_t longest_compared = 1'000;
// Nodes of an expression whose evaluation takes no longer. Some cost nothing for the planner.
constexpr int most_nodes = 200;

// Without a look-up, for most
bool is_of_short_type(Oid type) {
  switch (type) {
    case UUIDOID:
    case INT4OID:
    case INT8OID:
    case BOOLOID:
    case TIMESTAMPTZOID:
      return true;
    case TEXTOID:
    case JSONBOID:
      return false;
    default:
      return get_typlen(type) > 0 || getBaseType(type) == NUMERICOID;
  }
}

bool is_short(const Node *node, std::size_t longest) {
  if (is_of_short_type(exprType(node))) return true;
  if (!IsA(node, Const)) return false;
  const auto *value = reinterpret_cast<const Const *>(node);
  return value->constisnull ||
         (value->constlen == -1 && VARSIZE_ANY(DatumGetPointer(value->constvalue)) <= longest);
}

bool are_short(const List *parts) {
  if (list_length(parts) > most_parts) return false;
  const ListCell *cell = nullptr;
  foreach (cell, parts)
    if (!is_short(static_cast<Node *>(lfirst(cell)), longest_part)) return false;
  return true;
}

// The library's version can have changed since the collation was created, and anybody can create one of a
// version that never was: a warning at its first use, in each process.
bool is_of_other_version(Oid collation) {
  const HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
  if (!HeapTupleIsValid(tuple)) return true;
  bool is_unknown = false;
  const Datum recorded = SysCacheGetAttr(COLLOID, tuple, Anum_pg_collation_collversion, &is_unknown);
  const char *version = is_unknown ? nullptr : TextDatumGetCString(recorded);
  ReleaseSysCache(tuple);
  if (version == nullptr) return false;
  LOCAL_FCINFO(call, 1);
  InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
  call->args[0] = {ObjectIdGetDatum(collation), false};
  const Datum actual = pg_collation_actual_version(call);
  return call->isnull || strcmp(TextDatumGetCString(actual), version) != 0;
}

extern "C" {
static bool has_column_of(Node *node, void *collation) {
  if (node == nullptr) return false;
  if (IsA(node, Var) && reinterpret_cast<Var *>(node)->varcollid == *static_cast<Oid *>(collation))
    return true;
  return walk_expression(node, has_column_of, collation);
}
}

// A user's collation can be dropped while a plan uses it, unless a table's column has it: an error at its
// first use. All others are loaded now: the first use of those can fail, too.
bool is_silent_collation(Oid collation, const List *arguments) {
  if (!get_collation_isdeterministic(collation)) return false;
  if (collation == DEFAULT_COLLATION_OID || collation == C_COLLATION_OID || collation == posix_collation)
    return true;
  if (collation >= FirstNormalObjectId &&
      !has_column_of(reinterpret_cast<Node *>(const_cast<List *>(arguments)), &collation))
    return false;
  if (is_of_other_version(collation)) return false;
  pg_newlocale_from_collation(collation);
  return true;
}

// Leakproof functions raise errors all the same: for a collation that is unknown, or not deterministic; for
// circles and lines whose area or length is no number; for an oidvector that is an array of another kind.
// Warnings tell as much.
bool has_other_collation(Oid collation, const List *arguments) {
  if (OidIsValid(collation)) return !is_silent_collation(collation, arguments);
  const ListCell *cell = nullptr;
  foreach (cell, arguments)
    if (type_is_collatable(exprType(static_cast<Node *>(lfirst(cell))))) return true;
  return false;
}

// Types whose values no leakproof function of the server refuses
bool is_silent_type(Oid type) {
  switch (type) {
    case BOOLOID:
    case BYTEAOID:
    case CHAROID:
    case NAMEOID:
    case INT8OID:
    case INT2OID:
    case INT4OID:
    case TEXTOID:
    case OIDOID:
    case TIDOID:
    case XIDOID:
    case CIDOID:
    case FLOAT4OID:
    case FLOAT8OID:
    case MACADDROID:
    case MACADDR8OID:
    case MONEYOID:
    case INETOID:
    case CIDROID:
    case BPCHAROID:
    case VARCHAROID:
    case DATEOID:
    case TIMEOID:
    case TIMETZOID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
    case INTERVALOID:
    case BITOID:
    case VARBITOID:
    case UUIDOID:
    case PG_LSNOID:
    case XID8OID:
      return true;
    default:
      return false;
  }
}

// Without a look-up, for most
bool is_of_silent_type(const Node *node) {
  const Oid type = exprType(node);
  if (is_silent_type(type)) return true;
  const Oid base = getBaseType(type);
  if (base == OIDVECTOROID) return false;  // for the server it is an array
  const Oid element = get_element_type(base);
  return is_silent_type(OidIsValid(element) ? getBaseType(element) : base);
}

bool has_other_type(const List *arguments) {
  const ListCell *cell = nullptr;
  foreach (cell, arguments)
    if (!is_of_silent_type(static_cast<Node *>(lfirst(cell)))) return true;
  return false;
}

bool can_raise(Oid collation, const List *arguments) {
  return has_other_collation(collation, arguments) || has_other_type(arguments);
}

bool any_can_raise(const RowCompareExpr *compare) {
  const ListCell *left = nullptr;
  const ListCell *collation = nullptr;
  forboth(left, compare->largs, collation,
          compare->inputcollids) if (can_raise(lfirst_oid(collation), list_make1(lfirst(left)))) return true;
  return false;
}

// --- time: it can be measured, where evaluation takes long enough on each row

// The length of a column's value can be measured by them, too.
bool is_hash(Oid function) {
  switch (function) {
    case F_MD5_TEXT:
    case F_MD5_BYTEA:
    case F_SHA224:
    case F_SHA256:
    case F_SHA384:
    case F_SHA512:
      return true;
    default:
      return is_checksum(function);
  }
}

// They compare sizes first, so that they take no longer than the smaller value.
bool compares_sizes(Oid function) {
  return function == F_TEXTEQ || function == F_TEXTNE || function == F_BYTEAEQ || function == F_BYTEANE;
}

const Node *without_relabel(const Node *node) {
  while (IsA(node, RelabelType))
    node = reinterpret_cast<const Node *>(reinterpret_cast<const RelabelType *>(node)->arg);
  return node;
}

// A value of any size, which whoever sends the query chooses: a parameter, or another table's column.
bool is_long(const Node *node, const Relids own) {
  node = without_relabel(node);
  if (IsA(node, Var) &&
      (own == nullptr || bms_is_member(static_cast<int>(reinterpret_cast<const Var *>(node)->varno), own)))
    return false;
  return !is_short(node, longest_compared);
}

bool takes_long(Oid function, const List *arguments, const Relids own) {
  if (is_hash(function)) return true;
  int long_ones = 0;
  const ListCell *cell = nullptr;
  foreach (cell, arguments)
    if (is_long(static_cast<Node *>(lfirst(cell)), own)) long_ones++;
  return long_ones > 0 && (long_ones == list_length(arguments) || !compares_sizes(function));
}

// The server makes a hash table of a constant list, at the first row.
bool takes_long(const ScalarArrayOpExpr *any, const Relids own) {
  return is_long(static_cast<const Node *>(linitial(any->args)), own) ||
         is_long(static_cast<const Node *>(lsecond(any->args)), own);
}

bool any_takes_long(const RowCompareExpr *compare, const Relids own) {
  const ListCell *operators = nullptr;
  const ListCell *left = nullptr;
  const ListCell *right = nullptr;
  forthree(operators, compare->opnos, left, compare->largs, right,
           compare->rargs) if (takes_long(get_opcode(lfirst_oid(operators)),
                                          list_make2(lfirst(left), lfirst(right)), own)) return true;
  return false;
}

// Of composite values: its comparison raises an error if their columns have none.
bool compares_silently(const MinMaxExpr *greatest, const Relids own) {
  const TypeCacheEntry *type = lookup_type_cache(greatest->minmaxtype, TYPECACHE_CMP_PROC);
  return OidIsValid(type->cmp_proc) && get_func_leakproof(type->cmp_proc) &&
         !can_raise(greatest->inputcollid, greatest->args) &&
         !takes_long(type->cmp_proc, greatest->args, own);
}

extern "C" {
static bool is_any(Oid, void *) { return true; }

static bool has_column(Node *node, void *own) {
  if (node == nullptr) return false;
  if (IsA(node, Var)) return bms_is_member(reinterpret_cast<Var *>(node)->varno, static_cast<Relids>(own));
  return walk_expression(node, has_column, own);
}
}

// The text of a value that has a fixed size
bool is_short_text(const Node *node) {
  return IsA(node, CoerceViaIO) && is_of_short_type(exprType(reinterpret_cast<Node *>(
                                       reinterpret_cast<const CoerceViaIO *>(node)->arg)));
}

// A value of any size, or of numbers of any length, that a function computes.
bool computes_long(Node *node, const Relids own) {
  return check_functions_in_node(node, is_any, nullptr) && get_typlen(exprType(node)) < 0 &&
         !is_short_text(node) && !has_column(node, own);
}

bool takes_long_itself(Node *node, const Relids own) {
  switch (nodeTag(node)) {
    case T_FuncExpr: {
      const auto *call = reinterpret_cast<const FuncExpr *>(node);
      return takes_long(call->funcid, call->args, own) || computes_long(node, own);
    }
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr: {
      const auto *call = reinterpret_cast<const OpExpr *>(node);
      return takes_long(get_opcode(call->opno), call->args, own) || computes_long(node, own);
    }
    case T_ScalarArrayOpExpr:
      return takes_long(reinterpret_cast<const ScalarArrayOpExpr *>(node), own);
    case T_RowCompareExpr:
      return any_takes_long(reinterpret_cast<const RowCompareExpr *>(node), own);
    case T_List:
      return false;
    default:
      return computes_long(node, own);
  }
}

extern "C" {
static bool is_hash_of(Oid function, void *) { return is_hash(function); }

static bool has_hash(Node *node, void *) {
  if (node == nullptr) return false;
  return check_functions_in_node(node, is_hash_of, nullptr) || walk_expression(node, has_hash, nullptr);
}

// Ends once there are too many.
static bool count_node(Node *node, void *count) {
  if (node == nullptr) return false;
  return ++*static_cast<int *>(count) > most_nodes || walk_expression(node, count_node, count);
}

static bool has_long_one(Node *node, void *own) {
  if (node == nullptr) return false;
  return takes_long_itself(node, static_cast<Relids>(own)) || walk_expression(node, has_long_one, own);
}

static bool is_leaky(Oid function, void *) { return !get_func_leakproof(function); }

static bool has_noticeable(Node *node, void *own) {
  if (node == nullptr) return false;
  return is_noticeable_itself(node, static_cast<Relids>(own)) || walk_expression(node, has_noticeable, own);
}
}

bool has_many_nodes(Node *expression) {
  int count = 0;
  return count_node(expression, &count);
}

}  // namespace

// Of arrays, it is an error where their sizes differ; of large values, where it gets too large.
bool is_silent_array(const ArrayExpr *array) { return !array->multidims && are_short(array->elements); }

bool is_noticeable_itself(Node *node, Relids own) {
  switch (nodeTag(node)) {
    case T_Const:
    case T_RelabelType:
    case T_BoolExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_CoalesceExpr:
    case T_BooleanTest:
    case T_List:
      return false;
    case T_NullTest:
      // of a row's columns: the row's type can have been dropped
      return reinterpret_cast<const NullTest *>(node)->argisrow;
    case T_Var:
      // of a whole row: an error where it is not of the type that it was planned with, or too large
      return reinterpret_cast<const Var *>(node)->varattno == 0;
    case T_SQLValueFunction:
      // of names: the role or database can have been dropped
      return reinterpret_cast<const SQLValueFunction *>(node)->op > SVFOP_LOCALTIMESTAMP_N;
    case T_RowExpr:
      return !are_short(reinterpret_cast<const RowExpr *>(node)->args);
    case T_Param:
      return reinterpret_cast<const Param *>(node)->paramkind != PARAM_EXTERN;
    case T_ArrayExpr:
      return !is_silent_array(reinterpret_cast<const ArrayExpr *>(node));
    case T_MinMaxExpr:
      return !compares_silently(reinterpret_cast<const MinMaxExpr *>(node), own);
    case T_RowCompareExpr:
      return check_functions_in_node(node, is_leaky, nullptr) ||
             any_can_raise(reinterpret_cast<const RowCompareExpr *>(node)) ||
             any_takes_long(reinterpret_cast<const RowCompareExpr *>(node), own);
    case T_FuncExpr: {
      const auto *call = reinterpret_cast<const FuncExpr *>(node);
      return !get_func_leakproof(call->funcid) || can_raise(call->inputcollid, call->args) ||
             takes_long(call->funcid, call->args, own);
    }
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr: {
      const auto *call = reinterpret_cast<const OpExpr *>(node);
      return check_functions_in_node(node, is_leaky, nullptr) || can_raise(call->inputcollid, call->args) ||
             takes_long(get_opcode(call->opno), call->args, own);
    }
    case T_ScalarArrayOpExpr: {
      const auto *call = reinterpret_cast<const ScalarArrayOpExpr *>(node);
      return check_functions_in_node(node, is_leaky, nullptr) || can_raise(call->inputcollid, call->args) ||
             takes_long(call, own);
    }
    default:
      return true;
  }
}

bool is_noticeable(Node *expression, Relids own) {
  return has_many_nodes(expression) || has_noticeable(expression, own);
}

bool hashes(Node *expression) { return has_hash(expression, nullptr); }

bool can_take_long(Node *expression, Relids own) {
  return has_many_nodes(expression) || has_long_one(expression, own);
}

}  // namespace tenancy::pg
