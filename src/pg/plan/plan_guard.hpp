// The check of a plan before it returns or writes a row.
#pragma once

#include "pg/catalog/catalog_oids.hpp"

namespace tenancy::pg {

/// Raises 55000 in a plan made for another principal, 28000 in one whose credential has expired, 40001 in one
/// made when the principal had rights that have ended since; the next try makes a new plan.
void check_plan_is_current(uint64 stamp, TimestampTz not_after);

/// RETURNS whether the expression is a call of that guard.
inline bool is_guard(const Node *expression, Guard guard) {
  if (!IsA(expression, FuncExpr)) return false;
  const Oid function = reinterpret_cast<const FuncExpr *>(expression)->funcid;
  return OidIsValid(function) && function == known_guard(guard);
}
/// Likewise of any of the guards.
inline bool is_guard(const Node *expression) {
  return is_guard(expression, Guard::plan) || is_guard(expression, Guard::shape);
}

}  // namespace tenancy::pg
