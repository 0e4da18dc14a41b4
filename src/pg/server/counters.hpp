// What tenancy.stats() tells: how often things happened, in the session and, where the module is in
// shared_preload_libraries, on the server.
//
// Counting is an increment of the backend's own memory; at the end of a transaction what has come together is
// added to the server's sums.
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
  count
};
inline constexpr int counters = static_cast<int>(Counter::count);

/// For count() alone.
extern uint64 counted[counters];

inline void count(Counter counter) { counted[static_cast<int>(counter)]++; }

/// Asks for shared memory where the module is being loaded by the postmaster.
void register_counters();

}  // namespace tenancy::pg
