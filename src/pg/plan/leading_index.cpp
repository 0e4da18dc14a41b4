#include "pg/plan/leading_index.hpp"

#include "pg/plan/protected_relation.hpp"

namespace tenancy::pg {
namespace {

const IndexClause *index_clause_of(const IndexPath *path, const Node *comparison) {
  const ListCell *cell = nullptr;
  foreach (cell, path->indexclauses) {
    const auto *clause = lfirst_node(IndexClause, cell);
    if (!clause->lossy && list_length(clause->indexquals) == 1 &&
        linitial(clause->indexquals) == clause->rinfo && equal(clause->rinfo->clause, comparison))
      return clause;
  }
  return nullptr;
}

}  // namespace

Bitmapset *columns_of(const List *comparisons) {
  Bitmapset *columns = nullptr;
  const ListCell *cell = nullptr;
  foreach (cell, comparisons)
    columns = bms_add_member(columns, column_compared(static_cast<Node *>(lfirst(cell))));
  return columns;
}

List *left_of(List *comparisons, List *conditions) {
  if (conditions == NIL) return comparisons;
  List *left = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, comparisons)
    if (!predicate_implied_by(list_make1(lfirst(cell)), conditions, false))
      left = lappend(left, lfirst(cell));
  return left;
}

bool begins_with(const IndexOptInfo *index, const Bitmapset *columns) {
  const int count = bms_num_members(columns);
  if (index->nkeycolumns <= count) return false;
  Bitmapset *first = nullptr;
  for (int i = 0; i < count; i++) {
    if (index->indexkeys[i] <= 0) return false;
    first = bms_add_member(first, index->indexkeys[i]);
  }
  return bms_equal(first, columns);
}

bool is_led(const IndexPath *path, const List *comparisons) {
  const int columns = bms_num_members(columns_of(comparisons));
  Bitmapset *positions = nullptr;
  const ListCell *cell = nullptr;
  foreach (cell, comparisons) {
    const IndexClause *clause = index_clause_of(path, static_cast<Node *>(lfirst(cell)));
    if (clause == nullptr || clause->indexcol >= columns) return false;
    positions = bms_add_member(positions, clause->indexcol);
  }
  return bms_num_members(positions) == columns;
}

List *conditions_of_partition(const RangeTblEntry *entry, const RelOptInfo *relation) {
  if (!get_rel_relispartition(entry->relid)) return NIL;
  const Relation partition = table_open(entry->relid, NoLock);
  auto *conditions = static_cast<List *>(copyObjectImpl(RelationGetPartitionQual(partition)));
  table_close(partition, NoLock);
  ChangeVarNodes(reinterpret_cast<Node *>(conditions), 1, static_cast<int>(relation->relid), 0);
  return conditions;
}

void set_leakproof(const List *conditions, bool leakproof) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions) lfirst_node(RestrictInfo, cell)->leakproof = leakproof;
}

}  // namespace tenancy::pg
