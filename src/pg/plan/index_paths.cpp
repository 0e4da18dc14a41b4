#include "pg/plan/index_paths.hpp"

namespace tenancy::pg {

MadePaths make_index_paths(PlannerInfo *root, RelOptInfo *relation, List *indexes) {
  List *all = relation->indexlist;
  const MadePaths before{relation->pathlist, relation->partial_pathlist};
  relation->indexlist = indexes;
  relation->pathlist = NIL;
  relation->partial_pathlist = NIL;
  create_index_paths(root, relation);
  const MadePaths made{relation->pathlist, relation->partial_pathlist};
  relation->indexlist = all;
  relation->pathlist = before.paths;
  relation->partial_pathlist = before.partial_paths;
  return made;
}

void add_made_paths(RelOptInfo *relation, const MadePaths &made) {
  const ListCell *cell = nullptr;
  foreach (cell, made.paths) add_path(relation, static_cast<Path *>(lfirst(cell)));
  foreach (cell, made.partial_paths) add_partial_path(relation, static_cast<Path *>(lfirst(cell)));
}

}  // namespace tenancy::pg
