// Statements that run with other rights than the session's own are not shown to its client.
#pragma once

#include "pg/server/compat.hpp"

namespace tenancy::pg {

/// RETURNS whether one of the parameters debug_print_… is on, which anybody may set. What the server then
/// sends contains values that code with other rights has read: a variable is a constant in a statement's
/// plan.
inline bool are_plans_printed() {
  return Debug_print_parse || Debug_print_rewritten || Debug_print_plan || prints_raw_parse();
}

/// Switches these parameters off until the current level of settings ends. REQUIRES: a level of the caller's
/// own (NewGUCNestLevel()), which it ends.
void print_no_plans();

}  // namespace tenancy::pg
