#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS whether evaluation of the expression can be observed: by an error, a side effect, or a sub-select
/// that runs. Whatever is not known to be silent can. Parameters of the statement (PARAM_EXTERN) already have
/// their values.
bool is_noticeable(Node *expression);

/// Likewise of the expression without its arguments.
bool is_noticeable_itself(Node *expression);

/// RETURNS whether the array can be made of its elements without an error, whatever their values are.
bool is_silent_array(const ArrayExpr *array);

}  // namespace tenancy::pg
