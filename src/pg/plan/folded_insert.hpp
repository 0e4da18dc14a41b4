// An INSERT of one row, planned: the defaults that name the session are the principal's ids, and a check that
// these decide is made once, at planning.
#pragma once

namespace tenancy::pg {

void register_folded_insert();

}  // namespace tenancy::pg
