#include "pg/plan/late_conditions.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "optimizer/clauses.h"
#include "optimizer/paths.h"
}

namespace tenancy::pg {
namespace {

set_rel_pathlist_hook_type next_hook = nullptr;

extern "C" {
static bool is_leaky(Oid function, void *) { return !get_func_leakproof(function); }

// RETURNS whether evaluation of an expression can be observed: by an error, a side effect, or a sub-select
// that runs. Parameters of the statement (PARAM_EXTERN) already have their values.
static bool is_noticeable(Node *node, void *) {
  if (node == nullptr) return false;
  if (IsA(node, Param) && reinterpret_cast<const Param *>(node)->paramkind != PARAM_EXTERN) return true;
  if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, NextValueExpr) ||
      IsA(node, CoerceToDomain))
    return true;
  if (check_functions_in_node(node, is_leaky, nullptr)) return true;
  return walk_expression(node, is_noticeable, nullptr);
}
}

void put_late(const RelOptInfo *relation, List *conditions) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    auto *condition = lfirst_node(RestrictInfo, cell);
    if (condition->leakproof && !condition->pseudoconstant &&
        condition->security_level > relation->baserestrict_min_security &&
        is_noticeable(reinterpret_cast<Node *>(condition->clause), nullptr))
      condition->leakproof = false;
  }
}

extern "C" {
// The comparison values of index conditions are evaluated once for a scan, whatever its rows, so index
// conditions stay. The filters of a scan are ordered later.
static void paths_made(PlannerInfo *root, RelOptInfo *relation, Index index, RangeTblEntry *entry) {
  if (next_hook != nullptr) next_hook(root, relation, index, entry);
  put_late(relation, relation->baserestrictinfo);
  put_late(relation, relation->joininfo);
  const ListCell *cell = nullptr;
  foreach (cell, relation->ppilist) put_late(relation, lfirst_node(ParamPathInfo, cell)->ppi_clauses);
}
}

}  // namespace

void register_late_conditions() {
  next_hook = set_rel_pathlist_hook;
  set_rel_pathlist_hook = paths_made;
}

}  // namespace tenancy::pg
