// Index paths that the server makes once more, for other indexes or conditions than those of a relation.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct MadePaths {
  List *paths;
  List *partial_paths;
};

/// RETURNS the paths that the server makes with these indexes of the relation, which keeps its own indexes
/// and paths. An error ends planning, and with it what is changed in between.
MadePaths make_index_paths(PlannerInfo *root, RelOptInfo *relation, List *indexes);

/// Offers paths to the relation.
void add_made_paths(RelOptInfo *relation, const MadePaths &made);

}  // namespace tenancy::pg
