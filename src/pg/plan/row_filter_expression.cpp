#include "pg/plan/row_filter_expression.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {
namespace {

struct TypeOperators {
  Oid type;
  Oid array_type;
  Oid equal;
  Oid not_equal;
  int16 length;
  bool by_value;
  char alignment;
};
// In the order of IdType. All of these operators are leakproof.
constexpr Oid uuid_array = 2951, int2_array = 1005, int4_array = 1007, int8_array = 1016, text_array = 1009;
constexpr TypeOperators operators[] = {{UUIDOID, uuid_array, 2972, 2973, 16, false, TYPALIGN_CHAR},
                                       {INT2OID, int2_array, 94, 519, 2, true, TYPALIGN_SHORT},
                                       {INT4OID, int4_array, 96, 518, 4, true, TYPALIGN_INT},
                                       {INT8OID, int8_array, 410, 411, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE},
                                       {TEXTOID, text_array, 98, 531, -1, false, TYPALIGN_INT}};

const TypeOperators &operators_of(IdType type) { return operators[static_cast<int>(type)]; }

// The argument as the type that the operators take: a domain's base type, varchar as text.
Expr *as_operand(Node *argument, IdType type) {
  const Oid wanted = operators_of(type).type;
  auto *copy = static_cast<Expr *>(copyObjectImpl(argument));
  if (exprType(argument) == wanted) return copy;
  return reinterpret_cast<Expr *>(
      makeRelabelType(copy, wanted, -1, exprCollation(argument), COERCE_IMPLICIT_CAST));
}

// Those that the type can hold.
PodArray<Datum> id_values(Entity entity, std::span<const Uuid> ids, IdType type, const Uuid &organization) {
  PodArray<Datum> values;
  if (type == IdType::unsupported || ids.empty()) return values;
  if (type == IdType::uuid) {
    for (const Uuid &id : ids) values.append(uuid_datum(id));
    return values;
  }
  CatalogRead read = begin_catalog_read();
  for (const char *external_id : read_external_ids(read, entity, ids, organization).span())
    if (Datum value = 0; external_id_value(external_id, type, &value)) values.append(value);
  end_catalog_read(read);
  return values;
}

// As construct_array() makes it of the ids one by one, which takes long for thousands.
ArrayType *uuid_array_of(std::span<const Uuid> ids) {
  static_assert(sizeof(Uuid) == UUID_LEN);
  const Size size = ARR_OVERHEAD_NONULLS(1) + ids.size_bytes();
  if (!AllocSizeIsValid(size))
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("array size exceeds the maximum allowed")));
  auto *array = static_cast<ArrayType *>(palloc(size));
  memset(array, 0, ARR_OVERHEAD_NONULLS(1));  // its padding is compared by equal()
  SET_VARSIZE(array, size);
  array->ndim = 1;
  array->dataoffset = 0;
  array->elemtype = UUIDOID;
  ARR_DIMS(array)[0] = static_cast<int>(ids.size());
  ARR_LBOUND(array)[0] = 1;
  memcpy(ARR_DATA_PTR(array), ids.data(), ids.size_bytes());
  return array;
}

Expr *comparison_with_list(Node *argument, IdType type, ArrayType *list, bool equal) {
  const TypeOperators &ops = operators_of(type);
  const Oid collation = type == IdType::text ? exprCollation(argument) : InvalidOid;
  const Oid constant_collation = type == IdType::text ? DEFAULT_COLLATION_OID : InvalidOid;
  Const *constant =
      makeConst(ops.array_type, -1, constant_collation, -1, PointerGetDatum(list), false, false);
  ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);
  any->opno = equal ? ops.equal : ops.not_equal;
  any->opfuncid = get_opcode(any->opno);
  any->useOr = equal;
  any->inputcollid = collation;
  any->args = list_make2(as_operand(argument, type), constant);
  any->location = -1;
  return reinterpret_cast<Expr *>(any);
}

Expr *comparison(Node *argument, IdType type, const PodArray<Datum> &values, bool equal) {
  const TypeOperators &ops = operators_of(type);
  const Oid collation = type == IdType::text ? exprCollation(argument) : InvalidOid;
  const Oid constant_collation = type == IdType::text ? DEFAULT_COLLATION_OID : InvalidOid;
  Expr *operand = as_operand(argument, type);
  const Oid operator_id = equal ? ops.equal : ops.not_equal;
  if (values.count == 1) {
    Const *constant =
        makeConst(ops.type, -1, constant_collation, ops.length, values.items[0], false, ops.by_value);
    auto *compare = reinterpret_cast<OpExpr *>(make_opclause(
        operator_id, BOOLOID, false, operand, reinterpret_cast<Expr *>(constant), InvalidOid, collation));
    compare->opfuncid = get_opcode(operator_id);
    return reinterpret_cast<Expr *>(compare);
  }
  ArrayType *list =
      construct_array(values.items, values.count, ops.type, ops.length, ops.by_value, ops.alignment);
  return comparison_with_list(argument, type, list, equal);
}

// argument = filter_id('...')
Expr *is_filter_id(Node *argument, Entity entity) {
  Const *name = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(filter_id_name(entity)),
                          false, false);
  FuncExpr *call = makeFuncExpr(filter_id_function(), UUIDOID, list_make1(name), InvalidOid,
                                DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
  const TypeOperators &ops = operators_of(IdType::uuid);
  auto *compare =
      reinterpret_cast<OpExpr *>(make_opclause(ops.equal, BOOLOID, false, as_operand(argument, IdType::uuid),
                                               reinterpret_cast<Expr *>(call), InvalidOid, InvalidOid));
  compare->opfuncid = get_opcode(ops.equal);
  return reinterpret_cast<Expr *>(compare);
}

Node *argument_of(const RowColumns &columns, RowColumn column) {
  switch (column) {
    case RowColumn::organization:
      return columns.organization;
    case RowColumn::workspace:
      return columns.workspace;
    case RowColumn::owner:
      return columns.owner;
    case RowColumn::api_key:
      return columns.api_key;
  }
  return nullptr;
}

Entity entity_of(RowColumn column) {
  switch (column) {
    case RowColumn::organization:
      return Entity::organization;
    case RowColumn::workspace:
      return Entity::workspace;
    case RowColumn::owner:
      return Entity::user;
    case RowColumn::api_key:
      break;
  }
  return Entity::api_key;
}

Expr *constant(bool value) { return reinterpret_cast<Expr *>(makeBoolConst(value, false)); }

// The comparison with the argument, which is NULL of NULL; false where the style says so.
Expr *of_null(Expr *compare, Node *argument, const RowExpressionStyle &style) {
  if (!style.false_for_null || argument == style.not_null) return compare;
  return make_andclause(list_make2(compare, null_test(argument, IS_NOT_NULL)));
}

// A key of an index scan is worked out before the scan's rows are fetched, and what is worked out in between
// can be a user's function that changes the principal. So rows are compared with the principal's ids once
// more: in the guard's column by the guard, in each other one here. False of NULL.
Expr *one_of_shared(Node *argument, Entity entity, const RowExpressionStyle &style) {
  Expr *compare = is_filter_id(argument, entity);
  if (argument == style.not_null) return compare;
  return make_andclause(list_make2(compare, shape_guard(*style.shared->principal, entity, argument)));
}

Expr *one_of(Node *argument, Entity entity, std::span<const Uuid> ids, const RowExpressionStyle &style) {
  const IdType type = id_type_of(argument);
  if (SharedIds *shared = style.shared; shared != nullptr) {
    if (type == IdType::uuid && ids.size() == 1 && ids[0] == filter_id_of(*shared->principal, entity))
      return one_of_shared(argument, entity, style);
    shared->everywhere = false;
  }
  if (type == IdType::uuid && ids.size() > 1)
    return of_null(comparison_with_list(argument, type, uuid_array_of(ids), true), argument, style);
  const PodArray<Datum> values = id_values(entity, ids, type, style.organization);
  return values.count == 0 ? constant(false)
                           : of_null(comparison(argument, type, values, true), argument, style);
}

// <> is not true of NULL.
Expr *none_of(Node *argument, Entity entity, std::span<const Uuid> ids, const RowExpressionStyle &style) {
  const IdType type = id_type_of(argument);
  const PodArray<Datum> values = id_values(entity, ids, type, style.organization);
  if (values.count == 0) return null_test(argument, IS_NOT_NULL);
  if (style.shared != nullptr) style.shared->everywhere = false;
  return of_null(comparison(argument, type, values, false), argument, style);
}

Expr *expression_of(const RowPredicate &predicate, const RowColumns &columns,
                    const RowExpressionStyle &style);

bool is_constant(const Expr *expression, bool value) {
  return IsA(expression, Const) &&
         DatumGetBool(reinterpret_cast<const Const *>(expression)->constvalue) == value;
}

// Ids that a column can't hold have left constants behind.
Expr *combined(const RowPredicate &predicate, const RowColumns &columns, const RowExpressionStyle &style) {
  const bool is_and = predicate.kind() == RowPredicate::Kind::all_of;
  List *parts = NIL;
  for (const RowPredicate &part : predicate.parts()) {
    Expr *expression = expression_of(part, columns, style);
    if (is_constant(expression, !is_and)) return expression;
    if (!is_constant(expression, is_and)) parts = lappend(parts, expression);
  }
  if (parts == NIL) return constant(is_and);
  if (list_length(parts) == 1) return static_cast<Expr *>(linitial(parts));
  return is_and ? make_andclause(parts) : make_orclause(parts);
}

Expr *expression_of(const RowPredicate &predicate, const RowColumns &columns,
                    const RowExpressionStyle &style) {
  using Kind = RowPredicate::Kind;
  Node *argument = argument_of(columns, predicate.column());
  const Entity entity = entity_of(predicate.column());
  switch (predicate.kind()) {
    case Kind::never:
    case Kind::always:
      break;
    case Kind::is_null:
      return null_test(argument, IS_NULL);
    case Kind::one_of:
      return one_of(argument, entity, predicate.ids(), style);
    case Kind::none_of:
      return none_of(argument, entity, predicate.ids(), style);
    case Kind::all_of:
    case Kind::any_of:
      return combined(predicate, columns, style);
  }
  return constant(predicate.kind() == Kind::always);
}

}  // namespace

Expr *null_test(Node *argument, NullTestType kind) {
  NullTest *test = makeNode(NullTest);
  test->arg = static_cast<Expr *>(copyObjectImpl(argument));
  test->nulltesttype = kind;
  test->argisrow = false;
  test->location = -1;
  return reinterpret_cast<Expr *>(test);
}

Expr *shape_guard(const Principal &principal, Entity entity, Node *column) {
  Const *shape =
      makeConst(UUIDOID, -1, InvalidOid, UUID_LEN, uuid_datum(rights_profile_of(principal)), false, false);
  Const *checked = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
                             CStringGetTextDatum(filter_id_name(entity)), false, false);
  return reinterpret_cast<Expr *>(makeFuncExpr(guard_function(Guard::shape), BOOLOID,
                                               list_make3(shape, checked, as_operand(column, IdType::uuid)),
                                               InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL));
}

Expr *is_organization(Node *argument, const Uuid &id) {
  constexpr Entity entity = Entity::organization;
  return can_name(argument, entity, id, id) ? one_of(argument, entity, {&id, 1}, {}) : constant(false);
}

RowCondition row_condition(const RowPredicate &predicate, const RowColumns &columns, const Uuid &organization,
                           RowExpressionStyle style) {
  style.organization = organization;
  Node *decisive = predicate.requires_value(RowColumn::organization) ? columns.organization
                   : predicate.requires_value(RowColumn::workspace)  ? columns.workspace
                                                                     : nullptr;
  if (style.not_null == nullptr) style.not_null = decisive;
  return {expression_of(predicate, columns, style), decisive};
}

}  // namespace tenancy::pg
