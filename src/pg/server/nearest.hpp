// The candidate nearest to a mistyped word, for hints.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct NearestWord {
  const char *word;
  const char *best;  // nullptr while no candidate is near
  int distance;      // of the best; at first, the largest that counts as near
};

NearestWord nearest_to(const char *word);
/// Keeps the candidate if it is nearer than the best so far.
void consider(NearestWord &nearest, const char *candidate);

}  // namespace tenancy::pg
