// Moves conditions that the server wrongly considers harmless behind those of policies.
//
// Only conditions that call no function on a column, or leakproof ones, may run before a policy's
// condition. The server overlooks functions that get the column indirectly: as an element of a converted
// array, or as the value of CASE value WHEN. Minor versions of November 2026 (15.20, 17.12) do not; in 18.6
// an error's message can show a hidden row in this way.
#pragma once

namespace tenancy::pg {

void register_late_conditions();

}  // namespace tenancy::pg
