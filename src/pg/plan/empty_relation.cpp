#include "pg/plan/empty_relation.hpp"

#include "pg/plan/plan_guard.hpp"
#include "pg/plan/protected_relation.hpp"

namespace tenancy::pg {
namespace {

set_rel_pathlist_hook_type next_hook = nullptr;

bool is_false(const RestrictInfo *restriction) {
  if (!IsA(restriction->clause, Const)) return false;
  const auto *constant = reinterpret_cast<const Const *>(restriction->clause);
  return constant->constisnull || !DatumGetBool(constant->constvalue);
}

bool is_empty(const RelOptInfo *relation) {
  const ListCell *cell = nullptr;
  foreach (cell, relation->baserestrictinfo)
    if (is_false(lfirst_node(RestrictInfo, cell))) return true;
  return false;
}

// NOT plan_guard(…) about no row: the filter of a principal who sees nothing until something ends. A query
// can call the guard, too, with a row's values: those are not there for a condition of the whole scan.
bool is_denial_that_ends(const Node *clause) {
  if (!is_notclause(clause)) return false;
  const auto *negated = reinterpret_cast<const Node *>(get_notclausearg(clause));
  if (!is_guard(negated, Guard::plan)) return false;
  const List *arguments = reinterpret_cast<const FuncExpr *>(negated)->args;
  return list_length(arguments) == 3 && IsA(linitial(arguments), Const) && IsA(lsecond(arguments), Const) &&
         IsA(lthird(arguments), Const);
}

// The server never makes a policy's condition a condition of the whole scan, though it is about no row.
void check_denial_once(PlannerInfo *root, RelOptInfo *relation) {
  const ListCell *cell = nullptr;
  foreach (cell, relation->baserestrictinfo) {
    auto *restriction = lfirst_node(RestrictInfo, cell);
    if (!is_denial_that_ends(reinterpret_cast<const Node *>(restriction->clause))) continue;
    restriction->pseudoconstant = true;
    root->hasPseudoConstantQuals = true;
    relation->partial_pathlist = NIL;  // no workers for nothing
  }
}

extern "C" {
static void paths_made(PlannerInfo *root, RelOptInfo *relation, Index index, RangeTblEntry *entry) {
  if (next_hook != nullptr) next_hook(root, relation, index, entry);
  // Plans of unprotected tables are not changed.
  if (entry->rtekind != RTE_RELATION || !has_row_filter(root, relation)) return;
  if (is_empty(relation)) mark_dummy_rel(relation);
  check_denial_once(root, relation);
}
}

}  // namespace

void register_empty_relation() {
  next_hook = set_rel_pathlist_hook;
  set_rel_pathlist_hook = paths_made;
}

}  // namespace tenancy::pg
