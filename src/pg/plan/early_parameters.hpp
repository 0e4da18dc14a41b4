// Fetches a query's parameters before its first row, where PL/pgSQL fetches them when they are evaluated, and
// checks the types of those that it has copied for a cursor.
//
// A field of a record raises an error if the record has not been assigned, or if the field's type has
// changed. In CASE WHEN secret >= 'P' THEN record.field END, that error would tell of a hidden row.
#pragma once

namespace tenancy::pg {

void register_early_parameters();

}  // namespace tenancy::pg
