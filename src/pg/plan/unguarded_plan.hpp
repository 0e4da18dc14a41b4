// Copies of plans without their guards, for a run that is checked as a whole (run_check.hpp).
#pragma once

#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// The arguments of a guard: the plan's principal, and the end of its credential.
struct PlanStamp {
  uint64 stamp;
  TimestampTz not_after;
};

/// Nodes of a plan and their copies. The plan itself is never changed: it may be cached, and running
/// elsewhere.
struct PlanCopies {
  struct Node {
    Plan *copy;
    Plan *original;
    bool is_guarded;  // the copy lacks the original's guard
  };
  PodArray<Node> nodes;
  PlanStamp made_for;
  bool is_guarded;     // there are guards, with the arguments `made_for`
  bool is_of_several;  // guards for different principals
};

/// RETURNS whether the statement depends on plan_guard(). Called for every statement that is executed.
bool may_hold_guards(const PlannedStmt *statement);

/// RETURNS a copy of the statement in the current memory context, or nullptr if no guard can be left out.
/// Only nodes on the way to a guard are copied. Guards remain unless only the executor's own code can get the
/// rows.
PlannedStmt *without_guards(const PlannedStmt *statement, PlanCopies &copies);

/// RETURNS the node of a copy, or nullptr. REQUIRES: without_guards() has returned.
const PlanCopies::Node *find_copy(const PlanCopies &copies, const Plan *copy);

}  // namespace tenancy::pg
