#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether evaluation of the expression can be observed: by an error, a side effect, a sub-select
/// that runs, or the time that it takes. Whatever is not known to be silent can. Parameters of the statement
/// (PARAM_EXTERN) already have their values. `own`: the relation on whose rows it is evaluated, if others'
/// columns can be in it.
bool is_noticeable(Node *expression, Relids own = nullptr);

/// Likewise of the expression without its arguments.
bool is_noticeable_itself(Node *expression, Relids own = nullptr);

/// RETURNS whether a value is hashed, which takes as long as the value is.
bool hashes(Node *expression);

/// RETURNS whether evaluation on a row of `own` can take as long as whoever sends the query wants, by values
/// that don't come from the row: long ones, or functions that make long ones.
bool can_take_long(Node *expression, Relids own);

/// RETURNS whether the array can be made of its elements without an error, whatever their values are.
bool is_silent_array(const ArrayExpr *array);

}  // namespace tenancy::pg
