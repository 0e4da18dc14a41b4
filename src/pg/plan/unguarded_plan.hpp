// Copies of plans without their guards, for a run that is checked as a whole (run_check.hpp).
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// The guards that a statement depends on.
struct GuardsHeld {
  bool plan;
  bool shape;
};
/// Called for every statement that is executed.
GuardsHeld guards_held(const PlannedStmt *statement);

/// The arguments of the guards that have been left out: the plan's principal and the end of its credential,
/// or its rights profile.
struct PlanStamp {
  bool is_for_principal;
  uint64 stamp;
  TimestampTz not_after;
  bool is_for_profile;
  Uuid profile;
};

/// Nodes of a plan and their copies. The plan itself is never changed: it may be cached, and running
/// elsewhere.
struct PlanCopies {
  struct Node {
    Plan *copy;
    Plan *original;
    bool is_guarded;  // the copy lacks the original's guard
  };
  PodArray<Node, 4> nodes;  // most plans need no second block of their run's memory context
  PlanStamp made_for;
  bool is_of_several;  // guards for different principals or profiles
};

/// RETURNS a copy of the statement in the current memory context, or nullptr if no guard can be left out.
/// Only nodes on the way to a guard are copied. Guards remain unless only the executor's own code can get the
/// rows.
PlannedStmt *without_guards(const PlannedStmt *statement, PlanCopies &copies);

/// RETURNS the node of a copy, or nullptr. REQUIRES: without_guards() has returned.
const PlanCopies::Node *find_copy(const PlanCopies &copies, const Plan *copy);

}  // namespace tenancy::pg
