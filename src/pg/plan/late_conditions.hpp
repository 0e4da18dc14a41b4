// Conditions that the server takes for harmless and that are not, after those of policies.
//
// What may run before a policy's condition is what calls no function with a column, unless it is leakproof.
// The server overlooks functions that get the column through something else: the element of an array that is
// converted, the value of CASE value WHEN. Minor versions of November 2026 (15.20, 17.12) do not; in 18.6 an
// error's message shows anybody a hidden row by it.
#pragma once

namespace tenancy::pg {

void register_late_conditions();

}  // namespace tenancy::pg
