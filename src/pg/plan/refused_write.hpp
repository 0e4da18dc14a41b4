// Reasons for refused writes. The server's error for a row that a policy refuses names the table and nothing
// else.
//
// A policy's WITH CHECK is therefore planned as write_guard(stamp, not_after, filter, ..., columns): the plan
// guard with two more arguments, the filter's result and the row's ids. A true result costs only passing
// them. Otherwise the row is judged by its values (written_row.hpp): it is accepted if it is written for
// another user by a principal with that right; if not, the function raises the server's error code and
// message with a detail and a hint.
//
// Detail and hint are the same for another tenant's row and for one that does not exist.
#pragma once

#include "pg/plan/written_row.hpp"

namespace tenancy::pg {

/// The kinds of checks, as far as their messages differ. `writer` is that of tenancy_writer, where a table
/// has an initiator.
enum class Check : uint8 { insert, update, read, conflict, merge, writer };

struct WriteCheck {
  Oid relation;
  Check check;
  Command command;
};

/// RETURNS whether the call is a policy's WITH CHECK, or one of its conditions connected by AND.
bool find_write_check(const PlannerInfo *root, const FuncExpr *call, Command command, WriteCheck &found);

/// RETURNS the condition that replaces the call. `stamp` and `not_after` are those of plan_guard(), or NULL
/// where the filter contains a guard of its own.
Expr *explained_check(const WriteCheck &check, const FuncExpr *call, const RowShape &shape, Const *stamp,
                      Const *not_after, Expr *filter);

/// Raises the error for a row of a child table whose parent is invisible to the principal.
[[noreturn]] void raise_parent_not_seen(Oid child);

/// The same of a row that is about to be written, without the columns that it would have taken from the
/// parent: the error that the table's policy has for it.
[[noreturn]] void raise_row_without_parent(Relation child, HeapTuple row, Command command);

}  // namespace tenancy::pg
