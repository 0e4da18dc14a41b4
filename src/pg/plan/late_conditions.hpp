// Keeps conditions whose evaluation can be noticed behind those of policies.
//
// The server lets a condition run before a policy's if it is cheap and hands no column to a function that is
// not leakproof. That says nothing of the rest of the condition: in CASE WHEN secret >= ANY ('{P}') THEN
// (SELECT 1/0 > 1) END, the sub-select runs, and raises, if a hidden row compares so; nextval() or a function
// without arguments counts the hidden rows that are met. Besides, some minor versions of the server overlook
// functions that get the column indirectly: as an element of a converted array, or as the value of CASE value
// WHEN.
//
// Acts on every table with row security, since what a policy hides in one is worth as much as in another.
#pragma once

namespace tenancy::pg {

void register_late_conditions();

}  // namespace tenancy::pg
