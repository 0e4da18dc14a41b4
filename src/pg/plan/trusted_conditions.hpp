// Conditions that may be evaluated on a row before its policy; trusted_functions.hpp lists their functions,
// with reasons.
#pragma once

#include "pg/plan/trusted_functions.hpp"

namespace tenancy::pg {

/// RETURNS whether every function of the condition is the server's own and either leakproof or listed, with
/// the arguments, collation and constants of its entry. `added`: functions added by a DBA count as well
/// (tenancy.trust_function()).
///
/// Everything else in a condition makes it untrusted, with or without a column: a sub-select, a cast, a
/// parameter that the plan computes, unless it is a column of a query around this one. An expression that
/// always fails would reveal, by whether it is reached, the results of the conditions before it.
bool is_trusted(const PlannerInfo *root, Node *condition, bool added);

/// RETURNS whether the condition's selectivity can be estimated from values of hidden rows: it consists of
/// the server's own functions and operators, whose estimators raise for no value and reveal none.
bool is_trusted_estimate(const PlannerInfo *root, Node *condition);

}  // namespace tenancy::pg
