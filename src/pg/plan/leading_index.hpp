// B-tree indexes that begin with the columns of a row filter: a descent compares later columns only where
// the filter is satisfied, so that conditions on these are evaluated on own rows' entries only.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The columns that the comparisons are about (protected_relation.hpp).
Bitmapset *columns_of(const List *comparisons);

/// The comparisons without those that follow from the conditions.
List *left_of(List *comparisons, List *conditions);

/// Whether the index begins with exactly these columns, and has more.
bool begins_with(const IndexOptInfo *index, const Bitmapset *columns);

/// Whether the comparisons, as created, are conditions of the index's first columns. An index with another
/// collation or operator family can't use them, even with the same first columns.
bool is_led(const IndexPath *path, const List *comparisons);

/// Conditions that all rows of a partition satisfy, in the relation's columns; NIL for another table.
List *conditions_of_partition(const RangeTblEntry *entry, const RelOptInfo *relation);

/// Marks conditions so that the server may use them in an index, or no longer.
void set_leakproof(const List *conditions, bool leakproof);

}  // namespace tenancy::pg
