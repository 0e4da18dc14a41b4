// The statements of a child table's triggers, kept as plans.
//
// Names are printed from OIDs, and each statement says which OIDs they are (meant_names.hpp): the server
// reads the text again when a plan has become invalid, as ALTER SCHEMA makes it, and a name can mean another
// table by then. So, as in the server's own foreign keys, an invalid plan is made anew.

#include "pg/functions/child_table.hpp"
#include "pg/functions/meant_names.hpp"
#include "pg/plan/row_filter.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "utils/typcache.h"
}

namespace tenancy::pg {
namespace {

const char *column_of(Oid relation, AttrNumber number) {
  return psprintf("x.%s", quote_identifier(get_attname(relation, number, false)));
}

void append_key(StringInfo sql, const ChildTable &child, int parent) {
  const ParentKey &key = child.parents[parent].key;
  generate_operator_clause(sql, column_of(key.relation, key.referenced),
                           get_atttype(key.relation, key.referenced), key.equal, "$1",
                           get_atttype(child.relation, child.columns.keys[parent]));
}

void append_key_of_child(StringInfo sql, const ChildTable &child, int parent) {
  const ParentKey &key = child.parents[parent].key;
  generate_operator_clause(sql, "$1", get_atttype(key.relation, key.referenced), key.equal,
                           column_of(child.relation, child.columns.keys[parent]),
                           get_atttype(child.relation, child.columns.keys[parent]));
}

SPIPlanPtr keep(const char *sql, int count, Oid *types) {
  SPIPlanPtr plan = SPI_prepare(sql, count, types);
  if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
  SPI_keepplan(plan);
  return plan;
}

SPIPlanPtr make_read(const ChildTable &child, int parent) {
  const Parent &read = child.parents[parent];
  StringInfoData sql;
  begin_statement(&sql, {read.key.relation}, {read.key.equal});
  appendStringInfoString(&sql, "SELECT ");
  if (parent > 0) {
    appendStringInfoString(&sql, column_of(read.key.relation, read.columns[child.compared]));
  } else {
    const char *comma = "";
    for (int part = 0; part < id_column_count; part++) {
      if (child.columns.copies[part] == InvalidAttrNumber) continue;
      appendStringInfo(&sql, "%s%s", comma, column_of(read.key.relation, read.columns[part]));
      comma = ", ";
    }
  }
  appendStringInfo(&sql, " FROM %s%s x WHERE ", only(read.key.relation), qualified(read.key.relation));
  append_key(&sql, child, parent);
  appendStringInfoString(&sql, " FOR KEY SHARE OF x");
  Oid type = get_atttype(child.relation, child.columns.keys[parent]);
  return keep(sql.data, 1, &type);
}

SPIPlanPtr make_visible(const ChildTable &child, int parent) {
  const Oid relation = child.parents[parent].key.relation;
  const Relation opened = table_open(relation, AccessShareLock);
  PolicyCall call{};
  if (!read_select_policy(opened, call)) raise_broken_child(child.relation, "its parent is not protected");
  table_close(opened, NoLock);
  StringInfoData sql;
  begin_statement(&sql, {relation}, {child.parents[parent].key.equal});
  appendStringInfo(&sql, "SELECT FROM %s%s x WHERE ", only(relation), qualified(relation));
  append_key(&sql, child, parent);
  appendStringInfo(&sql, " AND tenancy.row_visible(%s::pg_catalog.text, %s::pg_catalog.text",
                   quote_literal_cstr(call.resource), quote_literal_cstr(call.command));
  for (const AttrNumber column : call.columns)
    appendStringInfo(&sql, ", %s", column == InvalidAttrNumber ? "NULL" : column_of(relation, column));
  appendStringInfo(&sql, ", %s, %s::pg_catalog.text)", call.with_organization ? "true" : "false",
                   quote_literal_cstr(call.options));
  Oid type = get_atttype(child.relation, child.columns.keys[parent]);
  return keep(sql.data, 1, &type);
}

// The parent's expression for a column of the child's policies.
const char *column_of_parent(const ChildTable &child, AttrNumber column) {
  const Parent &parent = child.parents[0];
  if (column == InvalidAttrNumber) return "NULL";
  if (column == child.columns.keys[0]) return column_of(parent.key.relation, parent.key.referenced);
  for (int part = 0; part < id_column_count; part++)
    if (child.columns.copies[part] == column) return column_of(parent.key.relation, parent.columns[part]);
  return nullptr;
}

// Where the row's own columns decide about its first parent, the condition is the one of the policies on a
// row with the columns that it would take: who may write, but not view, keeps doing so. An UPDATE that moves
// a row to another partition fires the trigger for INSERT, so either will do. Elsewhere, and for the other
// parents, the policies require a visible parent.
SPIPlanPtr make_accepted(const ChildTable &child, int parent) {
  if (parent > 0) return make_visible(child, parent);
  const Relation opened = table_open(child.relation, AccessShareLock);
  PolicyCall call{};
  const bool is_protected = read_select_policy(opened, call);
  table_close(opened, NoLock);
  if (!is_protected) return make_visible(child, parent);
  StringInfoData columns;
  initStringInfo(&columns);
  for (const AttrNumber column : call.columns) {
    const char *expression = column_of_parent(child, column);
    if (expression == nullptr) return make_visible(child, parent);  // a column of its own
    appendStringInfo(&columns, ", %s", expression);
  }
  const Oid relation = child.parents[parent].key.relation;
  const char *accepted =
      "tenancy.row_accepted(%s::pg_catalog.text, '%s'::pg_catalog.text%s, %s, "
      "%s::pg_catalog.text)";
  StringInfoData sql;
  begin_statement(&sql, {relation}, {child.parents[parent].key.equal});
  appendStringInfo(&sql, "SELECT FROM %s%s x WHERE ", only(relation), qualified(relation));
  append_key(&sql, child, parent);
  // As in the policies on written rows, which accept no shared ones
  const char *options =
      row_options(call.options).workspace_decides ? "workspace_decides from_parent" : "from_parent";
  const char *joint = " AND (";
  for (const char *command : {"insert", "update"}) {
    appendStringInfoString(&sql, joint);
    appendStringInfo(&sql, accepted, quote_literal_cstr(call.resource), command, columns.data,
                     call.with_organization ? "true" : "false", quote_literal_cstr(options));
    joint = " OR ";
  }
  appendStringInfoString(&sql, ")");
  Oid type = get_atttype(child.relation, child.columns.keys[parent]);
  return keep(sql.data, 1, &type);
}

SPIPlanPtr make_strange(const ChildTable &child, int parent) {
  const Parent &compared = child.parents[parent];
  const Oid type = get_atttype(child.relation, child.compared_column);
  const Oid equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
  StringInfoData sql;
  begin_statement(&sql, {child.relation}, {compared.key.equal, equal});
  appendStringInfo(&sql, "SELECT FROM %s%s x WHERE ", only(child.relation), qualified(child.relation));
  append_key_of_child(&sql, child, parent);
  appendStringInfoString(&sql, " AND NOT ");
  generate_operator_clause(&sql, column_of(child.relation, child.compared_column), type, equal, "$2", type);
  Oid types[] = {get_atttype(compared.key.relation, compared.key.referenced), type};
  return keep(sql.data, 2, types);
}

// Values are compared as they are stored, and NULL is a value.
void append_copies(StringInfo sql, const ChildTable &child, int first_parameter) {
  const char *joint = "";
  appendStringInfoString(sql, "pg_catalog.record_image_eq(ROW(");
  for (const AttrNumber copy : child.columns.copies) {
    if (copy == InvalidAttrNumber) continue;
    appendStringInfo(sql, "%s%s", joint, column_of(child.relation, copy));
    joint = ", ";
  }
  joint = "), ROW(";
  for (const AttrNumber copy : child.columns.copies) {
    if (copy == InvalidAttrNumber) continue;
    appendStringInfo(sql, "%s$%d", joint, first_parameter++);
    joint = ", ";
  }
  appendStringInfoString(sql, "))");
}

SPIPlanPtr make_left(const ChildTable &child, int parent) {
  if (parent > 0) return make_strange(child, parent);
  const ParentKey &key = child.parents[0].key;
  Oid types[1 + id_column_count] = {get_atttype(key.relation, key.referenced)};
  int count = 1;
  for (const AttrNumber copy : child.columns.copies)
    if (copy != InvalidAttrNumber) types[count++] = get_atttype(child.relation, copy);
  StringInfoData sql;
  begin_statement(&sql, {child.relation}, {key.equal});
  appendStringInfo(&sql, "SELECT FROM %s%s x WHERE ", only(child.relation), qualified(child.relation));
  append_key_of_child(&sql, child, 0);
  appendStringInfoString(&sql, " AND NOT ");
  append_copies(&sql, child, 2);
  return keep(sql.data, count, types);
}

// Rows that say something else than the parent did are not its tenant's, and stay.
SPIPlanPtr make_move(const ChildTable &child) {
  const Parent &parent = child.parents[0];
  Oid types[1 + 2 * id_column_count] = {get_atttype(parent.key.relation, parent.key.referenced)};
  int count = 1;
  StringInfoData sql;
  begin_statement(&sql, {child.relation}, {parent.key.equal});
  appendStringInfo(&sql, "UPDATE %s%s x SET ", only(child.relation), qualified(child.relation));
  for (int part = 0; part < id_column_count; part++) {
    if (child.columns.copies[part] == InvalidAttrNumber) continue;
    types[count] = get_atttype(child.relation, child.columns.copies[part]);
    appendStringInfo(&sql, "%s%s = $%d", count > 1 ? ", " : "",
                     quote_identifier(get_attname(child.relation, child.columns.copies[part], false)),
                     count + 1);
    count++;
  }
  appendStringInfoString(&sql, " WHERE ");
  append_key_of_child(&sql, child, 0);
  appendStringInfoString(&sql, " AND ");
  append_copies(&sql, child, count + 1);
  const int copies = count - 1;
  for (int copy = 1; copy <= copies; copy++) types[count++] = types[copy];
  return keep(sql.data, count, types);
}

// With the lock, the session knows of all changes so far, and no other one alters the table.
SPIPlanPtr &locked_plan(SPIPlanPtr &plan, Oid relation, LOCKMODE lock) {
  LockRelationOid(relation, lock);
  if (plan != nullptr && !SPI_plan_is_valid(plan)) retire_plan(plan);
  return plan;
}

}  // namespace

SPIPlanPtr read_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan =
      locked_plan(child.parents[parent].read, child.parents[parent].key.relation, RowShareLock);
  if (plan == nullptr) plan = make_read(child, parent);
  return plan;
}

SPIPlanPtr accepted_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan =
      locked_plan(child.parents[parent].accepted, child.parents[parent].key.relation, AccessShareLock);
  if (plan == nullptr) plan = make_accepted(child, parent);
  return plan;
}

SPIPlanPtr visible_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan =
      locked_plan(child.parents[parent].visible, child.parents[parent].key.relation, AccessShareLock);
  if (plan == nullptr) plan = make_visible(child, parent);
  return plan;
}

SPIPlanPtr strange_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan = locked_plan(child.parents[parent].strange, child.relation, AccessShareLock);
  if (plan == nullptr) plan = make_strange(child, parent);
  return plan;
}

SPIPlanPtr left_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan = locked_plan(child.parents[parent].left, child.relation, AccessShareLock);
  if (plan == nullptr) plan = make_left(child, parent);
  return plan;
}

SPIPlanPtr move_plan(ChildTable &child) {
  SPIPlanPtr &plan = locked_plan(child.move, child.relation, RowExclusiveLock);
  if (plan == nullptr) plan = make_move(child);
  return plan;
}

}  // namespace tenancy::pg
