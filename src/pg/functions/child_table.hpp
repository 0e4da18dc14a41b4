// Tables that take their tenant from a parent row: the columns that their triggers name, and the statements
// made from them. See docs/design/child-tables.md.
#pragma once

#include "pg/functions/table_protection.hpp"

namespace tenancy::pg {

inline constexpr int max_parents = 4;

inline constexpr char insert_trigger[] = "~tenancy_insert";
inline constexpr char update_trigger[] = "~tenancy_update";

/// The columns of a child table, as its triggers name them: references to parents, and copies of the first
/// parent's columns.
struct ChildColumns {
  int parents;
  AttrNumber keys[max_parents];
  AttrNumber copies[id_column_count];  // InvalidAttrNumber: not copied
};

/// Returns nullptr, or the reason why a table's triggers can't be read, as part of an error message.
const char *read_child_columns(Relation child, ChildColumns &columns);

/// A foreign key of one column.
struct ParentKey {
  Oid relation;
  AttrNumber referenced;
  Oid equal;                  // operator: the parent's column = the child's
  bool sets_default;          // a parent that goes would leave its rows to another one
  bool differs_in_collation;  // from the column that refers to it, and one of them is not deterministic
};
bool find_parent(Oid child, AttrNumber key, ParentKey &parent);

/// RETURNS the child table, or a partition of it, whose owner lacks the rights of the parent's: code of that
/// owner would run in what changes the parent. InvalidOid for none. With a lock, no owner changes afterwards.
Oid find_other_owner(Oid child, Oid parent, LOCKMODE lock);
Oid owner_of(Oid relation);

/// Returns nullptr, or the problem of a child table's triggers.
const char *problem_of_child(Relation child, const ChildColumns &columns);

/// The parent, for the child's triggers. Column numbers are the parent's.
struct Parent {
  ParentKey key;
  AttrNumber columns[id_column_count];
  SPIPlanPtr read;      // $1 a key: the columns to copy or to compare; locks the row FOR KEY SHARE
  SPIPlanPtr visible;   // $1 a key: one row if the principal may see it
  SPIPlanPtr accepted;  // $1 a key: one row if the policies may accept a child of it
  SPIPlanPtr strange;   // $1 a key, $2 a tenant: one row if a child names another
  SPIPlanPtr left;      // $1 a key, $2... the values to copy, or a tenant: one row if a child has others
};

/// CACHES: a child table's description, until the server invalidates it. For immediate use.
struct ChildTable {
  Oid relation;  // hash key
  bool is_current;
  bool is_complete;
  ChildColumns columns;
  // The column that must be equal in all parents: the organization, or the workspace if one of them has no
  // organization.
  int compared;
  AttrNumber compared_column;  // of the child
  Parent parents[max_parents];
  SPIPlanPtr move;  // $1 a key of the first parent, $2... the values to copy, and those before
};

/// Raises 55000 if the triggers, a foreign key or the parent's protection are missing.
ChildTable &child_table(Oid relation);
[[noreturn]] void raise_broken_child(Oid child, const char *problem);

/// Drops a plan, which an outer statement may still be executing, at the end of the transaction.
void retire_plan(SPIPlanPtr &plan);

/// For immediate use. These lock the relation that the statement reads or changes, as the statement does.
SPIPlanPtr read_plan(ChildTable &child, int parent);
SPIPlanPtr accepted_plan(ChildTable &child, int parent);
SPIPlanPtr visible_plan(ChildTable &child, int parent);
SPIPlanPtr strange_plan(ChildTable &child, int parent);
SPIPlanPtr left_plan(ChildTable &child, int parent);
SPIPlanPtr move_plan(ChildTable &child);

void register_child_tables();

}  // namespace tenancy::pg
