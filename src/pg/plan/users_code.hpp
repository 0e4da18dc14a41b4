// Expressions that can run code of users: where one is evaluated on hidden rows, or between a check of the
// principal and the rows that follow, that code would learn of the rows or change the principal.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether a call of the function can run a user's code. Whatever isn't known not to can: known are
/// functions of the server and C functions of extensions, unless they have side effects, take values of any
/// type, or evaluate what their arguments name. Types of users have code: casts that JSON functions use,
/// domains' checks, orders of ranges.
bool can_run_users_code(Oid function);

/// RETURNS whether evaluation of the expression can run a user's code. Whatever kind of expression isn't
/// known not to can.
bool runs_users_code(Node *expression);

}  // namespace tenancy::pg
