// Checks the plan guard once for each run of the executor instead of once for each row.
//
// A query's plan has the guard among the conditions of its scans (row_filter_planner.cpp). At executor start,
// scans are created without it and get a check before and after each row: they are armed. Only a run that has
// been checked as a whole disarms them, until it ends or a parameter that chooses the principal is assigned.
// Code that fetches rows in another way (a module that runs the executor without our hook, ExecutorFinish)
// finds armed scans; code that creates scans from the plan itself (parallel workers, EvalPlanQual) finds the
// guard.
#pragma once

namespace tenancy::pg {

void register_run_checks();

/// Arms the scans of all active runs, since the principal may be changing. Safe anywhere: no error, no
/// catalog access.
void arm_running_scans();

}  // namespace tenancy::pg
