// Parallel workers and the session's rights.
//
// A worker starts without its leader's caches, and no snapshot can be taken while a parallel query runs: it
// resolves the principal by the query's own snapshot. Where that is older than the rights that the leader
// knows, functions of a worker would answer for who the session was: such a query runs without workers.
#pragma once

namespace tenancy::pg {

/// Has queries that call functions run without workers in REPEATABLE READ and SERIALIZABLE, with the snapshot
/// of a query around them (in a STABLE function), and where rights or parameters have changed since their
/// start (a portal that is executed later). Plans with constants in place of functions are not concerned.
void register_parallel_reads();

}  // namespace tenancy::pg
