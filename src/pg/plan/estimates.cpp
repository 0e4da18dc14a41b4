#include "pg/plan/estimates.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "pg/plan/kept_statistics.hpp"
#include "pg/plan/protected_relation.hpp"
#include "pg/plan/trusted_conditions.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

constexpr int short_list = 8;  // of ids: that the server may estimate

// --- a list of ids

// The bytes of a value. Values of id types are equal exactly if these are.
struct Bytes {
  const char *start;
  Size size;

  bool operator==(const Bytes &other) const {
    return size == other.size && memcmp(start, other.start, size) == 0;
  }
  uint32 hash() const {
    return hash_bytes(reinterpret_cast<const unsigned char *>(start), static_cast<int>(size));
  }
};

struct ValueType {
  int16 length;
  bool by_value;
};

Bytes bytes_of(const Datum &value, ValueType type) {
  if (type.by_value) return {reinterpret_cast<const char *>(&value), sizeof(Datum)};
  if (type.length >= 0)
    return {reinterpret_cast<const char *>(DatumGetPointer(value)), static_cast<Size>(type.length)};
  const text *unpacked = DatumGetTextPP(value);
  return {VARDATA_ANY(unpacked), static_cast<Size>(VARSIZE_ANY_EXHDR(unpacked))};
}

// The column's most common values: open addressing, half empty.
struct CommonValues {
  const AttStatsSlot *slot;
  ValueType type;
  uint32 mask;
  int *places;  // number of the value + 1, 0: none

  uint32 place_of(const Bytes &value) const {
    uint32 place = value.hash() & mask;
    while (places[place] != 0 && !(bytes_of(slot->values[places[place] - 1], type) == value))
      place = (place + 1) & mask;
    return place;
  }

  int find(const Bytes &value) const { return places[place_of(value)] - 1; }
};

CommonValues common_values(const AttStatsSlot *slot, ValueType type) {
  const auto size = pg_nextpower2_32(static_cast<uint32>(slot->nvalues) * 2 + 1);
  CommonValues result{slot, type, size - 1, static_cast<int *>(palloc0(size * sizeof(int)))};
  for (int i = 0; i < slot->nvalues; i++)
    result.places[result.place_of(bytes_of(slot->values[i], type))] = i + 1;
  return result;
}

Selectivity clamped(double selectivity) { return selectivity < 0 ? 0 : selectivity > 1 ? 1 : selectivity; }

// The selectivity of a value that is not a common one, as in eqsel().
Selectivity of_rare_value(VariableStatData *column, const AttStatsSlot &common) {
  bool is_default = false;
  if (!HeapTupleIsValid(column->statsTuple))
    return clamped(1.0 / get_variable_numdistinct(column, &is_default));
  double left = 1.0 - reinterpret_cast<Form_pg_statistic>(GETSTRUCT(column->statsTuple))->stanullfrac;
  for (int i = 0; i < common.nnumbers; i++) left -= static_cast<double>(common.numbers[i]);
  left = clamped(left);
  const double others = get_variable_numdistinct(column, &is_default) - common.nnumbers;
  if (others > 1) left /= others;
  if (common.nnumbers > 0 && left > static_cast<double>(common.numbers[common.nnumbers - 1]))
    left = static_cast<double>(common.numbers[common.nnumbers - 1]);
  return clamped(left);
}

// As in scalararraysel(): ids of a list exclude each other, unless the sum exceeds 1.
struct AnyOf {
  double sum = 0;
  double none = 1;

  void add(Selectivity one) {
    sum += one;
    none *= 1 - one;
  }
  void add(Selectivity one, int times) {
    sum += one * times;
    none *= std::pow(1 - one, times);
  }
  Selectivity selectivity() const { return sum <= 1 ? sum : clamped(1 - none); }
};

// The row filter's list: uuids in ascending order, none twice. Any NULL, or another order: an empty one.
std::span<const Uuid> sorted_ids(ArrayType *list) {
  if (ARR_ELEMTYPE(list) != UUIDOID || ARR_HASNULL(list)) return {};
  const auto *first = reinterpret_cast<const Uuid *>(ARR_DATA_PTR(list));
  const std::span<const Uuid> ids(first, static_cast<size_t>(ArrayGetNItems(ARR_NDIM(list), ARR_DIMS(list))));
  const auto is_out_of_order = [](const Uuid &one, const Uuid &next) { return !(one < next); };
  const bool sorted = std::adjacent_find(ids.begin(), ids.end(), is_out_of_order) == ids.end();
  return sorted ? ids : std::span<const Uuid>();
}

// The common values are looked for in the list, as there are fewer of them.
AnyOf any_of_sorted(std::span<const Uuid> ids, const AttStatsSlot &common, Selectivity rare) {
  AnyOf any;
  auto others = static_cast<int>(ids.size());
  for (int i = 0; i < common.nvalues; i++) {
    if (!std::binary_search(ids.begin(), ids.end(), uuid_of_datum(common.values[i]))) continue;
    any.add(clamped(static_cast<double>(common.numbers[i])));
    others--;
  }
  any.add(rare, others);
  return any;
}

AnyOf any_of_list(ArrayType *list, const AttStatsSlot &common, Selectivity rare) {
  Datum *values = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  int16 length = 0;
  bool by_value = false;
  char alignment = 0;
  get_typlenbyvalalign(ARR_ELEMTYPE(list), &length, &by_value, &alignment);
  deconstruct_array(list, ARR_ELEMTYPE(list), length, by_value, alignment, &values, &nulls, &count);
  const ValueType type{length, by_value};
  const CommonValues known = common_values(&common, type);
  AnyOf any;
  for (int i = 0; i < count; i++) {
    if (nulls[i]) continue;
    const int found = known.find(bytes_of(values[i], type));
    any.add(found < 0 ? rare : clamped(static_cast<double>(common.numbers[found])));
  }
  return any;
}

Selectivity selectivity_of_list(VariableStatData *column, ArrayType *list) {
  AttStatsSlot common{};
  const bool has_common = HeapTupleIsValid(column->statsTuple) && !column->isunique &&
                          get_attstatsslot(&common, column->statsTuple, STATISTIC_KIND_MCV, InvalidOid,
                                           ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS);
  const Selectivity rare = column->isunique && column->rel->tuples >= 1 ? clamped(1.0 / column->rel->tuples)
                                                                        : of_rare_value(column, common);
  const std::span<const Uuid> ids = sorted_ids(list);
  const AnyOf any = ids.empty() ? any_of_list(list, common, rare) : any_of_sorted(ids, common, rare);
  if (has_common) free_attstatsslot(&common);
  return any.selectivity();
}

// RETURNS whether this is equality of an id type, under a collation in which equal means equal bytes.
bool is_equality_of_ids(const ScalarArrayOpExpr *any) {
  constexpr Oid of_uuids = 2972, of_int2 = 94, of_int4 = 96, of_int8 = 410, of_texts = 98;
  switch (any->opno) {
    case of_uuids:
    case of_int2:
    case of_int4:
    case of_int8:
      return any->useOr;
    case of_texts:
      return any->useOr && OidIsValid(any->inputcollid) && get_collation_isdeterministic(any->inputcollid);
    default:
      return false;
  }
}

// column = ANY (ids), the filter's or one of the query's like it.
void estimate_list(PlannerInfo *root, RestrictInfo *condition) {
  const auto *any = reinterpret_cast<const ScalarArrayOpExpr *>(condition->clause);
  const auto *constant = static_cast<const Const *>(lsecond(any->args));
  if (!is_equality_of_ids(any) || !IsA(constant, Const) || constant->constisnull) return;
  ArrayType *list = DatumGetArrayTypeP(constant->constvalue);
  if (ArrayGetNItems(ARR_NDIM(list), ARR_DIMS(list)) < short_list) return;
  VariableStatData data{};
  examine_variable(root, static_cast<Node *>(linitial(any->args)), 0, &data);
  if (data.rel != nullptr) condition->norm_selec = selectivity_of_list(&data, list);
  ReleaseVariableStats(data);
}

// --- an id of a shared plan

// column = filter_id('...'), also as a conclusion from other equalities: then the sides can be exchanged.
Node *column_of_shared_id(const RestrictInfo *condition) {
  if (!IsA(condition->clause, OpExpr)) return nullptr;
  const List *arguments = reinterpret_cast<const OpExpr *>(condition->clause)->args;
  if (list_length(arguments) != 2) return nullptr;
  auto *left = static_cast<Node *>(linitial(arguments));
  auto *right = static_cast<Node *>(lsecond(arguments));
  return is_filter_id(right) ? left : is_filter_id(left) ? right : nullptr;
}

void estimate_shared_id(PlannerInfo *root, RestrictInfo *condition, Node *column) {
  const auto *compare = reinterpret_cast<const OpExpr *>(condition->clause);
  const bool is_left = column == linitial(compare->args);
  auto *id = static_cast<Node *>(is_left ? lsecond(compare->args) : linitial(compare->args));
  VariableStatData data{};
  examine_variable(root, column, 0, &data);
  condition->norm_selec = var_eq_non_const(&data, compare->opno, compare->inputcollid, id, is_left, false);
  ReleaseVariableStats(data);
}

// --- which conditions

struct Estimates {
  PlannerInfo *root;
  const RelOptInfo *relation;
  List *implied;
  bool trusted_too;

  void add_condition(RestrictInfo *condition);
  void add_alternatives(Node *node);
};

// RETURNS whether the server would refuse to use statistics: at a security level above the filter, and not
// leakproof.
bool is_closed(const RestrictInfo *condition, const RelOptInfo *relation) {
  return !condition->leakproof && !condition->pseudoconstant &&
         condition->security_level > relation->baserestrict_min_security;
}

// NOLINTNEXTLINE(misc-no-recursion)
void Estimates::add_condition(RestrictInfo *condition) {
  if (condition->orclause != nullptr) {
    add_alternatives(reinterpret_cast<Node *>(condition->orclause));
    return;
  }
  if (list_member(implied, condition->clause)) {
    condition->norm_selec = 1;
  } else if (trusted_too && is_closed(condition, relation)) {
    if (!is_trusted_estimate(root, reinterpret_cast<Node *>(condition->clause))) return;
    OpenStatistics open(root);
    condition->norm_selec =
        clause_selectivity(open.root(), reinterpret_cast<Node *>(condition->clause), 0, JOIN_INNER, nullptr);
    open.close();
  } else if (IsA(condition->clause, ScalarArrayOpExpr)) {
    estimate_list(root, condition);
  } else if (Node *column = column_of_shared_id(condition); column != nullptr) {
    estimate_shared_id(root, condition, column);
  }
}

// NOLINTNEXTLINE(misc-no-recursion)
void Estimates::add_alternatives(Node *node) {
  if (IsA(node, RestrictInfo)) {
    add_condition(reinterpret_cast<RestrictInfo *>(node));
  } else if (IsA(node, BoolExpr)) {
    const ListCell *cell = nullptr;
    foreach (cell, reinterpret_cast<BoolExpr *>(node)->args)
      add_alternatives(static_cast<Node *>(lfirst(cell)));
  }
}

RelOptInfo *relation_of(const PlannerInfo *root, Node *row) {
  List *columns = pull_vars_of_level(row, 0);
  if (columns == NIL) return nullptr;
  const auto *column = linitial_node(Var, columns);
  if (static_cast<int>(column->varno) >= root->simple_rel_array_size) return nullptr;
  return root->simple_rel_array[column->varno];
}

bool any_to_estimate(const RelOptInfo *relation, bool trusted_too) {
  const ListCell *cell = nullptr;
  foreach (cell, relation->baserestrictinfo) {
    const auto *condition = lfirst_node(RestrictInfo, cell);
    // Conditions are added to a filter in lists only.
    if (IsA(condition->clause, ScalarArrayOpExpr) || condition->orclause != nullptr ||
        column_of_shared_id(condition) != nullptr || (trusted_too && is_closed(condition, relation)))
      return true;
  }
  return false;
}

}  // namespace

void estimate_conditions(PlannerInfo *root, Node *row) {
  if (root == nullptr || root->simple_rel_array == nullptr || row == nullptr) return;
  const RelOptInfo *relation = relation_of(root, row);
  if (relation == nullptr) return;
  const bool trusted_too = configuration.trusted_conditions == TrustedConditions::all;
  if (!any_to_estimate(relation, trusted_too) || !has_row_filter(root, relation)) return;
  const RowFilters filters = row_filters_of(root, relation);
  Estimates estimates{root, relation, filters.implied, trusted_too && filters.all_ours};
  const ListCell *cell = nullptr;
  foreach (cell, relation->baserestrictinfo) estimates.add_condition(lfirst_node(RestrictInfo, cell));
}

}  // namespace tenancy::pg
