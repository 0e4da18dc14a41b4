// Judges a row to be written by its values: the reason for refusing it, or whether it may be written for
// another user. Row filters are conditions on columns and cannot decide this, so only rows that a filter
// refuses are judged.
#pragma once

#include "core/access/write_problem.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/plan/row_filter.hpp"
#include "pg/plan/row_filter_functions.hpp"

namespace tenancy::pg {

/// The row's values. A column that the table lacks has type unknown.
struct WrittenIds {
  Oid types[id_column_count];
  Oid collations[id_column_count];
  Datum values[id_column_count];
  bool nulls[id_column_count];
};

/// The values are arguments of the call, the first one at `first`.
WrittenIds written_ids_of_call(FunctionCallInfo fcinfo, int first);

struct Judgement {
  WriteProblem problem;
  bool is_for_another;  // the only problem is another producer, which the principal may name
  // The type of the organization's column, if that is the problem, and no value could name the session's.
  Oid cannot_name_organization = InvalidOid;
  Uuid workspace{};  // of the row, where the principal reaches it; else nil
};

/// `producer_first`: whether a wrong producer is reported before a wrong tenant, where the latter must not be
/// revealed.
Judgement judge_written_row(Principal &principal, const char *resource, Command command,
                            const RowShape &options, const WrittenIds &row, bool producer_first);

/// RETURNS whether the principal may name another producer anywhere, which the filter on columns cannot
/// express.
bool may_write_for_others_somewhere(Principal &principal, const char *resource);

}  // namespace tenancy::pg
