// A row that is to be written, judged by its values: why it is refused, or whether it may be written for
// somebody else. Row filters don't ask this (they are conditions over columns); it is asked of a row that a
// filter refuses.
#pragma once

#include "core/access/write_problem.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/plan/row_filter.hpp"
#include "pg/plan/row_filter_functions.hpp"

namespace tenancy::pg {

inline constexpr int written_ids = 4;  // organization, workspace, owner, API key, in this order

/// What the row holds. A column that the table doesn't have has type unknown.
struct WrittenIds {
  Oid types[written_ids];
  Oid collations[written_ids];
  Datum values[written_ids];
  bool nulls[written_ids];
};

/// The values are arguments of the call, the first one at `first`.
WrittenIds written_ids_of_call(FunctionCallInfo fcinfo, int first);

struct Judgement {
  WriteProblem problem;
  bool is_for_another;  // the problem is that the row names another producer, and that it may
};

/// `producer_first`: where whose tenant a row is must not be learnt before its other problems.
Judgement judge_written_row(Principal &principal, const char *resource, Command command,
                            const RowShape &options, const WrittenIds &row, bool producer_first);

/// Whether the principal may name somebody else as producer anywhere: the filter over columns can't say so.
bool may_write_for_others_somewhere(Principal &principal, const char *resource);

}  // namespace tenancy::pg
