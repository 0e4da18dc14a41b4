// The guard of a plan, checked once for each run of the executor in place of once for each row.
//
// A query's plan holds the guard in the conditions of its scans (row_filter_planner.cpp). When the executor
// starts, scans are made without it, and get a check that runs before and after each row: the scan is armed.
// Only a run that has been checked as a whole disarms the scans, until it ends or a setting is assigned that
// chooses the principal. Whatever else makes them give rows (a module that runs the executor without our
// hook, ExecutorFinish) finds them armed, and whatever makes scans of the plan itself (parallel workers,
// EvalPlanQual) finds the guard.
#pragma once

namespace tenancy::pg {

void register_run_checks();

/// Arms the scans of all runs that are under way: who the session is may be changing. Safe anywhere: no
/// error, no catalog access.
void arm_running_scans();

}  // namespace tenancy::pg
