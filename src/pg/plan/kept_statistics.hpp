// Statistics of protected tables' columns, kept in the session as the planner wants them.
//
// The server reads a column's statistics from its catalog cache each time it estimates a comparison, and
// unpacks its lists of common values each time: most of what planning a condition costs. Of tables that are
// read under a row filter they are kept unpacked here; they are the same statistics, no more of them are
// shown to anybody.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

void register_kept_statistics();

/// To be called when no statement with a row filter is being planned: what planning was given stays until
/// then.
void drop_old_statistics();

/// A planner's state as this one's, for which statistics are open to estimates that are made with it: those
/// of conditions that tell nobody what they are given (see estimates.hpp). It lives on the stack, so that an
/// error ends it, too.
class OpenStatistics {
 public:
  explicit OpenStatistics(const PlannerInfo *root);
  PlannerInfo *root() { return &opened_; }
  void close();

 private:
  PlannerInfo opened_;
};

}  // namespace tenancy::pg
