// Refused writes say why. The server's error for a row that a policy refuses names the table and nothing
// else.
//
// So a policy's WITH CHECK is planned as write_guard(stamp, not_after, filter, ..., columns): the guard of
// the plan, which is handed what the filter came to, and the row's ids. Where that is true, these cost
// nothing but being handed over. Where it isn't, the row is judged by its values (written_row.hpp): it is
// written for somebody else by whoever may do that, or the error is raised here, with the server's code and
// message, and a detail and hint.
//
// Nothing in these tells a row of somebody else's from one that does not exist.
#pragma once

#include "pg/plan/written_row.hpp"

namespace tenancy::pg {

/// What a row is checked for: the server's kinds, as far as they need words of their own.
enum class Check : uint8 { insert, update, read, conflict, merge };

struct WriteCheck {
  Oid relation;
  Check check;
  Command command;
};

/// Whether the call is a policy's WITH CHECK, or one of the conditions there that all must hold.
bool find_write_check(const PlannerInfo *root, const FuncExpr *call, Command command, WriteCheck &found);

/// The condition in place of the call. `stamp` and `not_after` are those of plan_guard(), or NULL where the
/// filter holds a guard of its own.
Expr *explained_check(const WriteCheck &check, const FuncExpr *call, const RowShape &shape, Const *stamp,
                      Const *not_after, Expr *filter);

/// A row of a child table whose parent the principal doesn't see.
[[noreturn]] void raise_parent_not_seen(Oid child);

/// The same of a row that is about to be written, without the columns that it would have taken from the
/// parent: the error that the table's policy has for it.
[[noreturn]] void raise_row_without_parent(Relation child, HeapTuple row, Command command);

}  // namespace tenancy::pg
