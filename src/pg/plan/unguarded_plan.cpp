#include "pg/plan/unguarded_plan.hpp"

#include <algorithm>
#include <functional>

#include "pg/plan/plan_guard.hpp"
#include "pg/plan/protected_relation.hpp"
#include "pg/plan/users_code.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {
namespace {

// The size of nodes whose children are in lefttree and righttree, or in a list handled by copy_children(). 0
// for all others, including other modules' nodes, whose use of their children is unknown.
Size size_of(const Plan *plan) {
  switch (nodeTag(plan)) {
    case T_SeqScan:
      return sizeof(SeqScan);
    case T_IndexScan:
      return sizeof(IndexScan);
    case T_IndexOnlyScan:
      return sizeof(IndexOnlyScan);
    case T_BitmapHeapScan:
      return sizeof(BitmapHeapScan);
    case T_SubqueryScan:
      return sizeof(SubqueryScan);
    case T_Append:
      return sizeof(Append);
    case T_MergeAppend:
      return sizeof(MergeAppend);
    case T_RecursiveUnion:
      return sizeof(RecursiveUnion);
    case T_Result:
      return sizeof(Result);
    case T_ProjectSet:
      return sizeof(ProjectSet);
    case T_ModifyTable:
      return sizeof(ModifyTable);
    case T_LockRows:
      return sizeof(LockRows);
    case T_Limit:
      return sizeof(Limit);
    case T_NestLoop:
      return sizeof(NestLoop);
    case T_MergeJoin:
      return sizeof(MergeJoin);
    case T_HashJoin:
      return sizeof(HashJoin);
    case T_Hash:
      return sizeof(Hash);
    case T_Material:
      return sizeof(Material);
    case T_Memoize:
      return sizeof(Memoize);
    case T_Sort:
      return sizeof(Sort);
    case T_IncrementalSort:
      return sizeof(IncrementalSort);
    case T_Group:
      return sizeof(Group);
    case T_Agg:
      return sizeof(Agg);
    case T_WindowAgg:
      return sizeof(WindowAgg);
    case T_Unique:
      return sizeof(Unique);
    case T_SetOp:
      return sizeof(SetOp);
    case T_Gather:
      return sizeof(Gather);
    case T_GatherMerge:
      return sizeof(GatherMerge);
    default:
      return 0;
  }
}

// --- keys that a scan works out in its run, after it has been checked

bool is_built_in(Oid object) { return object < FirstNormalObjectId; }

extern "C" {
static bool is_function_of_user(Oid function, void *) {
  return !is_built_in(function) || can_run_users_code(function);
}

// RETURNS whether evaluation could run a user's code, which could change the principal: a function, a type's
// functions, or a sub-select, also one that a parameter of the plan stands for. `context`: the parameters
// that stand for values of another scan's row.
static bool may_run_users_code(Node *node, void *context) {
  if (node == nullptr || is_filter_id(node)) return false;
  switch (nodeTag(node)) {
    case T_List:
      return walk_expression(node, may_run_users_code, context);
    case T_Param: {
      const auto *parameter = reinterpret_cast<const Param *>(node);
      if (parameter->paramkind != PARAM_EXTERN &&
          !bms_is_member(parameter->paramid, static_cast<const Bitmapset *>(context)))
        return true;
      break;
    }
    case T_Const:
    case T_SQLValueFunction:
    case T_RelabelType:
      break;
    case T_FuncExpr:
    case T_OpExpr:
    case T_ScalarArrayOpExpr:
    case T_ArrayExpr:
      if (check_functions_in_node(node, is_function_of_user, nullptr)) return true;
      break;
    default:
      return true;
  }
  return !is_built_in(exprType(node)) || walk_expression(node, may_run_users_code, context);
}
}

bool is_users_key(Node *key, Bitmapset *row_parameters) {
  while (key != nullptr && IsA(key, RelabelType))
    key = reinterpret_cast<Node *>(reinterpret_cast<RelabelType *>(key)->arg);
  // Already computed, whatever its type.
  if (key == nullptr || IsA(key, Const)) return false;
  if (IsA(key, Param) && reinterpret_cast<const Param *>(key)->paramkind == PARAM_EXTERN) return false;
  if (IsA(key, Param) && bms_is_member(reinterpret_cast<const Param *>(key)->paramid, row_parameters))
    return false;
  return may_run_users_code(key, row_parameters);
}

// Index conditions: a column of the index on the left, a key on the right.
bool has_users_key(const List *conditions, Bitmapset *row_parameters) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    auto *condition = static_cast<Node *>(lfirst(cell));
    if (IsA(condition, NullTest)) continue;
    Node *keys = nullptr;
    if (IsA(condition, OpExpr))
      keys = static_cast<Node *>(lsecond(reinterpret_cast<OpExpr *>(condition)->args));
    else if (IsA(condition, ScalarArrayOpExpr))
      keys = static_cast<Node *>(lsecond(reinterpret_cast<ScalarArrayOpExpr *>(condition)->args));
    else if (IsA(condition, RowCompareExpr))
      keys = reinterpret_cast<Node *>(reinterpret_cast<RowCompareExpr *>(condition)->rargs);
    if (keys == nullptr || is_users_key(keys, row_parameters)) return true;
  }
  return false;
}

bool bitmap_has_users_key(const Plan *plan, Bitmapset *row_parameters) {
  const List *parts = nullptr;
  if (IsA(plan, BitmapIndexScan))
    return has_users_key(reinterpret_cast<const BitmapIndexScan *>(plan)->indexqual, row_parameters);
  if (IsA(plan, BitmapAnd))
    parts = reinterpret_cast<const BitmapAnd *>(plan)->bitmapplans;
  else if (IsA(plan, BitmapOr))
    parts = reinterpret_cast<const BitmapOr *>(plan)->bitmapplans;
  else
    return true;
  const ListCell *cell = nullptr;
  foreach (cell, parts)
    if (bitmap_has_users_key(static_cast<const Plan *>(lfirst(cell)), row_parameters)) return true;
  return false;
}

// RETURNS whether only the scan's conditions can run a user's code between two of its rows.
bool can_lack_guard(const Plan *plan, Bitmapset *row_parameters) {
  switch (nodeTag(plan)) {
    case T_SeqScan:
      return true;
    case T_IndexScan: {
      const auto *scan = reinterpret_cast<const IndexScan *>(plan);
      return !has_users_key(scan->indexqual, row_parameters) &&
             !has_users_key(scan->indexorderby, row_parameters);
    }
    case T_IndexOnlyScan: {
      const auto *scan = reinterpret_cast<const IndexOnlyScan *>(plan);
      return !has_users_key(scan->indexqual, row_parameters) &&
             !has_users_key(scan->indexorderby, row_parameters);
    }
    case T_BitmapHeapScan:
      return plan->lefttree != nullptr && !bitmap_has_users_key(plan->lefttree, row_parameters);
    default:
      return false;
  }
}

// --- copying

struct Copying {
  PlanCopies *copies;
  Bitmapset *row_parameters;  // of nested loops
};

bool constant_argument(const FuncExpr *call, int argument, Datum &value) {
  const auto *constant = static_cast<const Const *>(list_nth(call->args, argument));
  if (!IsA(constant, Const) || constant->constisnull) return false;
  value = constant->constvalue;
  return true;
}

bool note_plan_guard(PlanCopies &copies, const FuncExpr *guard) {
  Datum stamp = 0;
  Datum not_after = 0;
  if (list_length(guard->args) != 3 || !constant_argument(guard, 0, stamp) ||
      !constant_argument(guard, 1, not_after))
    return false;
  PlanStamp &made_for = copies.made_for;
  const auto found = static_cast<uint64>(DatumGetInt64(stamp));
  if (!made_for.is_for_principal) {
    made_for.stamp = found;
    made_for.not_after = DT_NOEND;
  }
  made_for.is_for_principal = true;
  if (made_for.stamp != found) copies.is_of_several = true;
  made_for.not_after = Min(made_for.not_after, DatumGetTimestampTz(not_after));
  return true;
}

bool note_shape_guard(PlanCopies &copies, const FuncExpr *guard) {
  Datum profile = 0;
  Datum entity = 0;
  if (list_length(guard->args) != 3 || !constant_argument(guard, 0, profile) ||
      !constant_argument(guard, 1, entity))
    return false;
  PlanStamp &made_for = copies.made_for;
  const Uuid found = uuid_of_datum(profile);
  if (!made_for.is_for_profile) made_for.profile = found;
  made_for.is_for_profile = true;
  if (made_for.profile != found) copies.is_of_several = true;
  return true;
}

// RETURNS the conditions without the guards; themselves if there are none, or one that has to stay.
List *without_guards(PlanCopies &copies, List *conditions) {
  List *rest = NIL;
  bool found = false;
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    auto *condition = static_cast<Node *>(lfirst(cell));
    const auto *call = reinterpret_cast<const FuncExpr *>(condition);
    if (is_guard(condition, Guard::plan)) {
      if (!note_plan_guard(copies, call)) return conditions;
      found = true;
    } else if (is_guard(condition, Guard::shape)) {
      if (!note_shape_guard(copies, call)) return conditions;
      found = true;
    } else {
      rest = lappend(rest, condition);
    }
  }
  return found ? rest : conditions;
}

Plan *copy_plan(Copying &copying, Plan *plan);

List *copy_list(Copying &copying, List *plans) {
  List *copy = nullptr;
  for (int i = 0; i < list_length(plans); i++) {
    auto *original = static_cast<Plan *>(list_nth(plans, i));
    Plan *made = copy_plan(copying, original);
    if (made == original) continue;
    if (copy == nullptr) copy = list_copy(plans);
    lfirst(list_nth_cell(copy, i)) = made;
  }
  return copy == nullptr ? plans : copy;
}

struct Children {
  List *list;  // or nullptr
  Plan *child;
  Plan *left;
  Plan *right;

  bool operator==(const Children &) const = default;
};

Children children_of(const Plan *plan) {
  Children children{nullptr, nullptr, plan->lefttree, plan->righttree};
  if (IsA(plan, Append))
    children.list = reinterpret_cast<const Append *>(plan)->appendplans;
  else if (IsA(plan, MergeAppend))
    children.list = reinterpret_cast<const MergeAppend *>(plan)->mergeplans;
  else if (IsA(plan, SubqueryScan))
    children.child = reinterpret_cast<const SubqueryScan *>(plan)->subplan;
  else if (IsA(plan, BitmapHeapScan))
    children.left = nullptr;  // reads an index
  return children;
}

void set_children(Plan *plan, const Children &children) {
  if (IsA(plan, Append))
    reinterpret_cast<Append *>(plan)->appendplans = children.list;
  else if (IsA(plan, MergeAppend))
    reinterpret_cast<MergeAppend *>(plan)->mergeplans = children.list;
  else if (IsA(plan, SubqueryScan))
    reinterpret_cast<SubqueryScan *>(plan)->subplan = children.child;
  if (!IsA(plan, BitmapHeapScan)) plan->lefttree = children.left;
  plan->righttree = children.right;
}

// RETURNS the plan itself if it has no guard.
Plan *copy_plan(Copying &copying, Plan *plan) {
  if (plan == nullptr) return nullptr;
  const Size size = size_of(plan);
  if (size == 0) return plan;
  check_stack_depth();
  if (IsA(plan, NestLoop)) {
    const ListCell *cell = nullptr;
    foreach (cell, reinterpret_cast<const NestLoop *>(plan)->nestParams)
      copying.row_parameters =
          bms_add_member(copying.row_parameters, lfirst_node(NestLoopParam, cell)->paramno);
  }
  const Children before = children_of(plan);
  const Children after{copy_list(copying, before.list), copy_plan(copying, before.child),
                       copy_plan(copying, before.left), copy_plan(copying, before.right)};
  List *conditions =
      can_lack_guard(plan, copying.row_parameters) ? without_guards(*copying.copies, plan->qual) : plan->qual;
  const bool is_guarded = conditions != plan->qual;
  if (!is_guarded && before == after) return plan;
  auto *copy = static_cast<Plan *>(palloc(size));
  memcpy(static_cast<void *>(copy), plan, size);
  set_children(copy, after);
  copy->qual = conditions;
  copying.copies->nodes.append({copy, plan, is_guarded});
  return copy;
}

}  // namespace

GuardsHeld guards_held(const PlannedStmt *statement) {
  GuardsHeld held{};
  uint32 plan_hash = 0;
  uint32 shape_hash = 0;
  // A guard that hasn't been looked up is in no plan of this backend's.
  const bool has_plan_guards = guard_hash(Guard::plan, &plan_hash);
  const bool has_shape_guards = guard_hash(Guard::shape, &shape_hash);
  if (!has_plan_guards && !has_shape_guards) return held;
  const ListCell *cell = nullptr;
  foreach (cell, statement->invalItems) {
    const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
    if (item->cacheId != PROCOID) continue;
    held.plan = held.plan || (has_plan_guards && item->hashValue == plan_hash);
    held.shape = held.shape || (has_shape_guards && item->hashValue == shape_hash);
  }
  return held;
}

PlannedStmt *without_guards(const PlannedStmt *statement, PlanCopies &copies) {
  Copying copying{&copies, nullptr};
  Plan *tree = copy_plan(copying, statement->planTree);
  List *subplans = copy_list(copying, statement->subplans);
  if (copies.nodes.count == 0 || copies.is_of_several) return nullptr;
  auto *copy = static_cast<PlannedStmt *>(palloc(sizeof(PlannedStmt)));
  memcpy(static_cast<void *>(copy), statement, sizeof(PlannedStmt));
  copy->planTree = tree;
  copy->subplans = subplans;
  std::sort(copies.nodes.items, copies.nodes.items + copies.nodes.count,
            [](const PlanCopies::Node &a, const PlanCopies::Node &b) {
              return std::less<const Plan *>()(a.copy, b.copy);
            });
  return copy;
}

const PlanCopies::Node *find_copy(const PlanCopies &copies, const Plan *copy) {
  const auto nodes = copies.nodes.span();
  const auto place = std::lower_bound(nodes.begin(), nodes.end(), copy,
                                      [](const PlanCopies::Node &node, const Plan *sought) {
                                        return std::less<const Plan *>()(node.copy, sought);
                                      });
  return place != nodes.end() && place->copy == copy ? &*place : nullptr;
}

}  // namespace tenancy::pg
