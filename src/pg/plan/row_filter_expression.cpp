#include "pg/plan/row_filter_expression.hpp"

#include "core/access/external_id.hpp"
#include "core/access/row_filter.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/invalidation.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pod_array.hpp"

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

PodArray<Datum> id_values(Entity entity, std::span<const Uuid> ids, IdType type) {
  PodArray<Datum> values;
  CatalogRead read = begin_catalog_read();
  for (const Uuid &id : ids)
    if (Datum value = 0; id_value(read, entity, id, type, &value)) values.append(value);
  end_catalog_read(read);
  return values;
}

IdType id_type_of(Node *argument) { return id_type(exprType(argument), exprCollation(argument)); }

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
  ArrayType *array =
      construct_array(values.items, values.count, ops.type, ops.length, ops.by_value, ops.alignment);
  Const *constant =
      makeConst(ops.array_type, -1, constant_collation, -1, PointerGetDatum(array), false, false);
  ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);
  any->opno = operator_id;
  any->opfuncid = get_opcode(operator_id);
  any->useOr = equal;
  any->inputcollid = collation;
  any->args = list_make2(operand, constant);
  any->location = -1;
  return reinterpret_cast<Expr *>(any);
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

// The comparison with the argument, which is NULL of NULL; false where that is wanted.
Expr *of_null(Expr *compare, Node *argument, const RowColumns &columns) {
  if (!columns.false_for_null || argument == columns.not_null) return compare;
  return make_andclause(list_make2(compare, null_test(argument, IS_NOT_NULL)));
}

// argument = one of the ids; nullptr when no row can satisfy it.
Expr *is_one_of(Node *argument, Entity entity, std::span<const Uuid> ids, const RowColumns &columns) {
  const IdType type = id_type_of(argument);
  if (type == IdType::unsupported || ids.empty()) return nullptr;
  if (SharedIds *shared = columns.shared; shared != nullptr) {
    if (type == IdType::uuid && ids.size() == 1 && ids[0] == filter_id_of(*shared->principal, entity))
      return of_null(is_filter_id(argument, entity), argument, columns);
    shared->everywhere = false;
  }
  const auto values = id_values(entity, ids, type);
  return values.count == 0 ? nullptr : of_null(comparison(argument, type, values, true), argument, columns);
}

// Nobody's id is no id.
Expr *is(Node *argument, Entity entity, const Uuid &id, const RowColumns &columns) {
  return id ? is_one_of(argument, entity, {&id, 1}, columns) : nullptr;
}

// Both; nullptr stands for false.
Expr *both(Expr *one, Expr *other) {
  return one == nullptr || other == nullptr ? nullptr : make_andclause(list_make2(one, other));
}

// Either; nullptr stands for false.
Expr *either(Expr *one, Expr *other) {
  if (one == nullptr) return other;
  return other == nullptr ? one : make_orclause(list_make2(one, other));
}

Expr *or_false(Expr *expression) {
  return expression == nullptr ? reinterpret_cast<Expr *>(makeBoolConst(false, false)) : expression;
}

Expr *is_own(Principal &principal, const RowColumns &columns) {
  if (columns.owner != nullptr) return is(columns.owner, Entity::user, principal.user, columns);
  if (columns.api_key != nullptr)
    return is_one_of(columns.api_key, Entity::api_key, user_keys_of(principal), columns);
  return nullptr;
}

// "Every workspace but these", and rows without a workspace where these are reached; nullptr is always true.
Expr *elsewhere(const RowFilter &filter, const RowColumns &columns) {
  PodArray<Uuid> exceptions;
  for (const Uuid &id : filter.own) exceptions.append(id);
  for (const Uuid &id : filter.hidden) exceptions.append(id);
  const IdType type = id_type_of(columns.workspace);
  const auto values = id_values(Entity::workspace, exceptions.span(), type);
  if (values.count > 0 && columns.shared != nullptr) columns.shared->everywhere = false;
  Expr *outside = values.count == 0 ? nullptr : comparison(columns.workspace, type, values, false);
  if (filter.unassigned)
    return outside == nullptr ? nullptr
                              : make_orclause(list_make2(null_test(columns.workspace, IS_NULL), outside));
  // <> is not true of NULL
  return outside == nullptr ? null_test(columns.workspace, IS_NOT_NULL)
                            : of_null(outside, columns.workspace, columns);
}

Expr *by_workspace(Principal &principal, const RowFilter &filter, const RowColumns &columns) {
  Expr *all = is_one_of(columns.workspace, Entity::workspace, filter.all, columns);
  Expr *own = nullptr;
  if (!filter.own.empty())
    own = both(is_one_of(columns.workspace, Entity::workspace, filter.own, columns),
               is_own(principal, columns));
  return either(all, own);
}

// `own_counts`: whether rights over own rows count although nothing in the table says whose a row is.
RowFilter *filter_in_context(Principal &principal, const PermissionSet &any_of, const RowColumns &columns,
                             EveryWorkspace every, bool own_counts = false) {
  RowShape shape;
  shape.organization = columns.organization != nullptr;
  shape.workspace = columns.workspace != nullptr;
  shape.producer = own_counts || columns.owner != nullptr || columns.api_key != nullptr;
  std::span<const Uuid> workspaces;
  const bool spell_out = !shape.organization || every == EveryWorkspace::spelled_out;
  if (shape.workspace && spell_out && principal.access->reaches_every_workspace())
    workspaces = workspaces_of(principal);
  auto *filter = make_in_context<RowFilter>(CurrentMemoryContext);
  run_core([&] { *filter = row_filter(*principal.access, any_of, shape, every, workspaces); });
  return filter;
}

// What an inserted row must say of who produced it. An id that the column can't hold must be left out.
Expr *is_produced_by(Node *argument, Entity entity, const Uuid &id, const RowColumns &columns) {
  Expr *expected = is(argument, entity, id, columns);
  return expected != nullptr ? expected : null_test(argument, IS_NULL);
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

IdType id_type(Oid type, Oid collation) {
  switch (getBaseType(type)) {
    case UUIDOID:
      return IdType::uuid;
    case INT2OID:
      return IdType::int2;
    case INT4OID:
      return IdType::int4;
    case INT8OID:
      return IdType::int8;
    case TEXTOID:
    case VARCHAROID:
      return !OidIsValid(collation) || get_collation_isdeterministic(collation) ? IdType::text
                                                                                : IdType::unsupported;
    default:
      return IdType::unsupported;
  }
}

bool id_value(const CatalogRead &read, Entity entity, const Uuid &id, IdType type, Datum *value) {
  if (type == IdType::uuid) {
    *value = uuid_datum(id);
    return true;
  }
  const char *external_id = read_external_id(read, entity, id);
  if (external_id == nullptr) return false;
  switch (type) {
    case IdType::int2:
      if (const auto number = integer_id<int16>(external_id)) return *value = Int16GetDatum(*number), true;
      return false;
    case IdType::int4:
      if (const auto number = integer_id<int32>(external_id)) return *value = Int32GetDatum(*number), true;
      return false;
    case IdType::int8:
      if (const auto number = integer_id<int64>(external_id)) return *value = Int64GetDatum(*number), true;
      return false;
    case IdType::text:
      *value = CStringGetTextDatum(external_id);
      return true;
    default:
      return false;
  }
}

PermissionSet permissions_for(const char *resource, Command command) {
  const bool has_view = command != Command::view || is_registered(resource, "view");
  PermissionSet any_of;
  // Not what isn't registered: a key with every scope would hold it.
  for (const std::string_view action : actions_enough_for(command, resource, has_view))
    if (!action.empty() && is_registered(resource, action.data()))
      any_of.add(permission_id(resource, action.data()));
  return any_of;
}

RowCondition visible_rows(Principal &principal, const char *resource, Command command, RowColumns columns,
                          bool with_organization) {
  const RowFilter &filter =
      *filter_in_context(principal, permissions_for(resource, command), columns, EveryWorkspace::as_such);
  if (filter.empty()) return {or_false(nullptr), nullptr};

  const bool asks_organization =
      columns.organization != nullptr &&
      (columns.workspace == nullptr || filter.every_workspace || with_organization);
  Node *decisive = asks_organization ? columns.organization : columns.workspace;
  if (columns.not_null == nullptr) columns.not_null = decisive;
  Expr *of_organization = columns.organization == nullptr ? nullptr
                                                          : is(columns.organization, Entity::organization,
                                                               principal.organization, columns);
  if (columns.workspace == nullptr) {
    if (filter.on_organization == Rows::all) return {or_false(of_organization), decisive};
    return {or_false(both(of_organization, is_own(principal, columns))), decisive};
  }
  Expr *rows = by_workspace(principal, filter, columns);
  if (!filter.every_workspace)
    return {or_false(asks_organization ? both(of_organization, rows) : rows), decisive};
  Expr *where = elsewhere(filter, columns);
  return {or_false(where == nullptr ? of_organization : both(of_organization, either(where, rows))),
          decisive};
}

RowCondition visible_payload(Principal &principal, const char *resource, const RowColumns &columns) {
  const PermissionSet to_list = permissions_for(resource, Command::list);
  const PermissionSet to_view = permissions_for(resource, Command::view);
  const RowFilter &listed = *filter_in_context(principal, to_list, columns, EveryWorkspace::as_such);
  const RowFilter &viewed = *filter_in_context(principal, to_view, columns, EveryWorkspace::as_such);
  if (!viewed.empty() && viewed == listed)
    return {reinterpret_cast<Expr *>(makeBoolConst(true, false)), nullptr};
  return visible_rows(principal, resource, Command::view, columns, false);
}

RowCondition accepted_rows(Principal &principal, const char *resource, Command command, RowColumns columns) {
  // Whose row it is, is what its writer says; where a parent row says it, INSERT is like UPDATE.
  const bool attributed = command == Command::insert && !columns.options.from_parent;
  const RowFilter &filter = *filter_in_context(principal, permissions_for(resource, command), columns,
                                               EveryWorkspace::spelled_out, attributed);
  if (filter.empty()) return {or_false(nullptr), nullptr};

  Node *decisive = columns.organization != nullptr ? columns.organization
                   : filter.unassigned             ? nullptr
                                                   : columns.workspace;
  if (columns.not_null == nullptr) columns.not_null = decisive;
  Expr *rows = nullptr;
  if (columns.workspace == nullptr) {
    rows = is(columns.organization, Entity::organization, principal.organization, columns);
    if (filter.on_organization == Rows::own && !attributed) rows = both(rows, is_own(principal, columns));
  } else {
    // On INSERT the attribution below says whose row it is; all and own make no difference.
    if (attributed)
      rows = either(is_one_of(columns.workspace, Entity::workspace, filter.all, columns),
                    is_one_of(columns.workspace, Entity::workspace, filter.own, columns));
    else
      rows = by_workspace(principal, filter, columns);
    if (filter.unassigned) rows = either(rows, null_test(columns.workspace, IS_NULL));
    if (columns.organization != nullptr)
      rows = both(rows, is(columns.organization, Entity::organization, principal.organization, columns));
  }
  if (attributed && rows != nullptr) {
    if (columns.owner != nullptr)
      rows = both(rows, is_produced_by(columns.owner, Entity::user, principal.user, columns));
    if (columns.api_key != nullptr)
      rows = both(rows, is_produced_by(columns.api_key, Entity::api_key, principal.api_key, columns));
  }
  return {or_false(rows), decisive};
}

RowCondition authorized_workspaces(Principal &principal, const PermissionSet &any_of, Node *workspace) {
  // Own rows authorize like all: whose a row is, is another question.
  RowColumns columns{nullptr, workspace, workspace, nullptr};
  columns.not_null = workspace;
  const RowFilter &filter = *filter_in_context(principal, any_of, columns, EveryWorkspace::spelled_out);
  return {or_false(either(is_one_of(workspace, Entity::workspace, filter.all, columns),
                          is_one_of(workspace, Entity::workspace, filter.own, columns))),
          workspace};
}

}  // namespace tenancy::pg
