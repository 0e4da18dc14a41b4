// Tables that take their tenant from a parent row: what their triggers say, and the statements that follow
// from that. See docs/design/child-tables.md.
#pragma once

#include "pg/functions/table_protection.hpp"

namespace tenancy::pg {

inline constexpr int max_parents = 4;

inline constexpr char insert_trigger[] = "~tenancy_insert";
inline constexpr char update_trigger[] = "~tenancy_update";

/// The columns of a child table, as its triggers name them: those that refer to a parent, and those that are
/// copied from the first one.
struct ChildColumns {
  int parents;
  AttrNumber keys[max_parents];
  AttrNumber copies[id_column_count];  // InvalidAttrNumber: not copied
};

/// Why a table's triggers can't be read, in the server's words; nullptr when they can.
const char *read_child_columns(Relation child, ChildColumns &columns);

/// A foreign key of one column.
struct ParentKey {
  Oid relation;
  AttrNumber referenced;
  Oid equal;          // operator: the parent's column = the child's
  bool sets_default;  // a parent that goes would leave its rows to another one
};
bool find_parent(Oid child, AttrNumber key, ParentKey &parent);

/// What is wrong with the triggers of a table that takes its tenant from parents; nullptr: nothing.
const char *problem_of_child(Relation child, const ChildColumns &columns);

/// The parent as the child's triggers need it. Column numbers are the parent's.
struct Parent {
  ParentKey key;
  AttrNumber columns[id_column_count];
  SPIPlanPtr read;     // $1 a key: the columns that are copied, or compared; holds the row FOR KEY SHARE
  SPIPlanPtr visible;  // $1 a key: one row if the principal may see it
  SPIPlanPtr strange;  // $1 a key, $2 a tenant: one row if a child names another
};

/// What a backend keeps of a child table, for immediate use.
struct ChildTable {
  Oid relation;  // hash key
  bool is_current;
  bool is_complete;
  ChildColumns columns;
  // Which column must be the same in all parents: the organization, or the workspace where one of them has no
  // organization.
  int compared;
  AttrNumber compared_column;  // of the child
  Parent parents[max_parents];
  SPIPlanPtr move;  // $1 a key of the first parent, $2... what is copied
};

/// Raises 55000 when the triggers, a foreign key or the parent's protection is gone.
ChildTable &child_table(Oid relation);

SPIPlanPtr read_plan(ChildTable &child, int parent);
SPIPlanPtr visible_plan(ChildTable &child, int parent);
SPIPlanPtr strange_plan(ChildTable &child, int parent);
SPIPlanPtr move_plan(ChildTable &child);

void register_child_tables();

}  // namespace tenancy::pg
