// Caches column statistics of protected tables in the form that the planner uses.
//
// The server reads a column's statistics from its catalog cache for each comparison that it estimates, and
// unpacks the lists of common values each time: most of the cost of planning a condition. For tables read
// under a row filter the unpacked form is cached here. These are the same statistics, with the same access
// checks.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

void register_kept_statistics();

/// Frees statistics that have changed. REQUIRES: no statement with a row filter is being planned, since a
/// planner may still use them.
void drop_old_statistics();

/// A copy of a planner state with which statistics are readable, for estimates of conditions that reveal
/// their arguments to nobody (see estimates.hpp). On the stack, so that an error ends its life as well.
class OpenStatistics {
 public:
  explicit OpenStatistics(const PlannerInfo *root);
  PlannerInfo *root() { return &opened_; }
  void close();

 private:
  PlannerInfo opened_;
};

}  // namespace tenancy::pg
