// The counters of tenancy.stats(), for the session and, if the module is in shared_preload_libraries, for
// the server.
//
// Counting increments the backend's own memory; the end of a transaction adds to the server's sums.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// In the order in which stats() lists them.
enum class Counter : int {
  resolutions,
  cache_hits,
  specializations,
  guard_refusals,
  invalidations,
  denied_api_key,
  denied_token,
  denied_user,
  denied_permission,
  denied_anonymous,
  runs_checked,
  rows_checked,
  derived_rows_read,
  count
};
inline constexpr int counters = static_cast<int>(Counter::count);

/// For count() alone.
extern uint64 counted[counters];

inline void count(Counter counter) { counted[static_cast<int>(counter)]++; }

/// Requests shared memory if the postmaster is loading the module.
void register_counters();

}  // namespace tenancy::pg
