// Moves conditions with observable evaluation behind those of policies.
//
// The server may evaluate a condition before a policy if it is cheap and passes no column to a function that
// is not leakproof. The rest of the condition can still be observed: in CASE WHEN secret >= ANY ('{P}') THEN
// (SELECT 1/0 > 1) END, the sub-select runs, and raises, if a hidden row compares so; nextval() or a function
// without arguments counts hidden rows. In addition, some minor versions of the server overlook functions
// that get the column indirectly: as an element of a converted array, or as the value of CASE value WHEN.
//
// Applies to every table with row security: policies of other tables deserve the same protection.
#pragma once

namespace tenancy::pg {

void register_late_conditions();

}  // namespace tenancy::pg
