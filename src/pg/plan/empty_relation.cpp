#include "pg/plan/empty_relation.hpp"

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

extern "C" {
static void paths_made(PlannerInfo *root, RelOptInfo *relation, Index index, RangeTblEntry *entry) {
  if (next_hook != nullptr) next_hook(root, relation, index, entry);
  // Plans of unprotected tables are not changed.
  if (entry->rtekind == RTE_RELATION && is_empty(relation) && has_row_filter(root, relation))
    mark_dummy_rel(relation);
}
}

}  // namespace

void register_empty_relation() {
  next_hook = set_rel_pathlist_hook;
  set_rel_pathlist_hook = paths_made;
}

}  // namespace tenancy::pg
