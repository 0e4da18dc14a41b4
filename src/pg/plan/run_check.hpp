// Checks the plan guard once for each run of the executor instead of once for each row.
//
// A query's plan has the guard among the conditions of its scans (row_filter_planner.cpp). At executor start,
// scans are created without it and get a check before and after each row: they are armed. Only a run that has
// been checked as a whole disarms them, until it ends or a parameter that chooses the principal is assigned.
// Code that fetches rows in another way (a module that runs the executor without our hook, ExecutorFinish)
// finds armed scans; code that creates scans from the plan itself (parallel workers, EvalPlanQual) finds the
// guard.
//
// A query with a shared plan is its principal's from start to end: whoever is in the session when the
// executor starts. A shared plan has no constants that would show whose rows a scan returns, and a scan's
// keys may have been evaluated while the session was another's. So its scans are disarmed only as long as no
// parameter has been assigned and no catalog has changed since the start, and armed ones evaluate the guard
// itself.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

void register_run_checks();

/// Arms the scans of all active runs, since the principal may be changing. Safe anywhere: no error, no
/// catalog access.
void arm_running_scans();
/// Likewise those of shared plans alone, since rights may have changed.
void arm_running_shared_scans();

/// To be called when a function of a shared plan has worked an id out. As a key for an index it selects rows
/// by who the session is then, and the query must not go on if that is somebody else than at its start, even
/// if the session is itself again when the rows come.
void note_evaluated_id(const FmgrInfo *function);

/// The fate of the principal since the innermost active run of a shared plan was started.
enum class SinceStart : int {
  unknown,  // no such run
  same,
  another
};
SinceStart principal_since_start();

}  // namespace tenancy::pg
