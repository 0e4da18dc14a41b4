// Conditions that may be asked of a row before its policy is; trusted_functions.hpp says which, and why.
#pragma once

#include "pg/plan/trusted_functions.hpp"

namespace tenancy::pg {

/// Whether every function of the condition is the server's own and either leakproof or listed, with the
/// arguments, collation and constants that it is listed with. `added`: functions that a DBA has added count,
/// too (tenancy.trust_function()).
///
/// No: whatever else it holds, such as a sub-select, a cast, or a parameter that a plan gives itself, be it
/// on a column or not: what always fails would tell, by whether it is reached, of the conditions before it.
bool is_trusted(Node *condition, bool added);

/// Whether the condition's selectivity can be estimated from the values of rows that the asker may not see:
/// the server's own functions and operators alone, whose estimators raise for no value and tell nobody what
/// it was.
bool is_trusted_estimate(Node *condition);

}  // namespace tenancy::pg
