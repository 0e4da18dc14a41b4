// A plan with its guards left out, for a run that is checked as a whole (run_check.hpp).
#pragma once

#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// What a guard compares: the plan's principal, and when its credential expires.
struct PlanStamp {
  uint64 stamp;
  TimestampTz not_after;
};

/// Nodes of a plan, each with its copy. Never the plan itself: it may be cached, and be running elsewhere.
struct PlanCopies {
  struct Node {
    Plan *copy;
    Plan *original;
    bool is_guarded;  // the copy lacks the original's guard
  };
  PodArray<Node> nodes;
  PlanStamp made_for;
  bool is_guarded;     // there are guards, and `made_for` is theirs
  bool is_of_several;  // guards for different principals
};

/// RETURNS whether the statement depends on plan_guard(). Asked of whatever is executed.
bool may_hold_guards(const PlannedStmt *statement);

/// RETURNS a copy of the statement in the current memory context, or nullptr if no guard can be left out.
/// Only those nodes are copied that lead to a guard, and guards stay where it isn't known that nothing but
/// the executor's own code gets at the rows.
PlannedStmt *without_guards(const PlannedStmt *statement, PlanCopies &copies);

/// RETURNS the node of a copy, or nullptr. REQUIRES: without_guards() has returned.
const PlanCopies::Node *find_copy(const PlanCopies &copies, const Plan *copy);

}  // namespace tenancy::pg
