// A child table describes itself: the condition of its UPDATE trigger contains its columns, so that the
// server follows renames, and the trigger's arguments give their roles. The foreign key gives the parent
// table, and that table's policies its tenant columns. No name is stored as text that could resolve to
// another object later.

#include "pg/functions/child_table.hpp"

#include <initializer_list>
#include <span>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/row_filter.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/typcache.h"
}

namespace tenancy::pg {
namespace {

constexpr const char *part_names[id_column_count] = {"organization", "workspace", "owner", "api_key"};

// A copy: an invalidation that a look-up receives frees the relation's own.
std::span<const Trigger> triggers_of(const Relation relation) {
  const TriggerDesc *copy = CopyTriggerDesc(relation->trigdesc);
  if (copy == nullptr) return {};
  return {copy->triggers, static_cast<size_t>(copy->numtriggers)};
}

const Trigger *trigger_named(const Relation relation, const char *name) {
  for (const Trigger &trigger : triggers_of(relation))
    if (strcmp(trigger.tgname, name) == 0) return &trigger;
  return nullptr;
}

bool is_enabled(const Trigger *trigger) {
  return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN || trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

const char *problem_of_trigger(const Relation relation, const char *name) {
  const Trigger *trigger = trigger_named(relation, name);
  if (trigger == nullptr) return psprintf("trigger \"%s\" is missing", name);
  if (!is_our_function(trigger->tgfoid, "take_from_parent"))
    return psprintf("trigger \"%s\" has been changed", name);
  if (!is_enabled(trigger)) return psprintf("trigger \"%s\" is disabled", name);
  return nullptr;
}

// The columns of NEW in a trigger's condition, in order.
int columns_of_new(const Trigger *trigger, AttrNumber *columns, int at_most) {
  int count = 0;
  if (trigger->tgqual == nullptr) return 0;
  const ListCell *cell = nullptr;
  foreach (cell, pull_vars_of_level(static_cast<Node *>(stringToNode(trigger->tgqual)), 0)) {
    const auto *var = static_cast<Var *>(lfirst(cell));
    if (var->varno != PRS2_NEW_VARNO || count == at_most) continue;
    columns[count++] = var->varattno;
  }
  return count;
}

// The index of a trigger's argument among the four roles of columns; -1 for none.
int part_named(const char *name) {
  for (int i = 0; i < id_column_count; i++)
    if (strcmp(name, part_names[i]) == 0) return i;
  return -1;
}

bool has_trigger_for(const Relation parent, Oid child, const char *function) {
  for (const Trigger &trigger : triggers_of(parent))
    if (trigger.tgconstrrelid == child && is_enabled(&trigger) && is_our_function(trigger.tgfoid, function))
      return true;
  return false;
}

bool has_hold(const Relation parent) {
  for (const Trigger &trigger : triggers_of(parent))
    if (is_enabled(&trigger) && is_our_function(trigger.tgfoid, "hold_parent")) return true;
  return false;
}

// --- the cache

struct Retired {
  Retired *next;
  SPIPlanPtr plan;
};

HTAB *children = nullptr;
Retired *retired = nullptr;  // plans that an outer statement may still be executing

void retire(SPIPlanPtr &plan) {
  if (plan == nullptr) return;
  auto *entry = static_cast<Retired *>(MemoryContextAlloc(TopMemoryContext, sizeof(Retired)));
  entry->next = retired;
  entry->plan = plan;
  retired = entry;
  plan = nullptr;
}

extern "C" {
static void relation_invalidated(Datum, Oid relation) {
  if (children == nullptr) return;
  HASH_SEQ_STATUS status;
  hash_seq_init(&status, children);
  while (auto *child = static_cast<ChildTable *>(hash_seq_search(&status))) {
    bool concerned = !OidIsValid(relation) || child->relation == relation;
    for (int i = 0; i < child->columns.parents && !concerned; i++)
      concerned = child->parents[i].key.relation == relation;
    if (concerned) child->is_current = false;
  }
}

static void transaction_ended(XactEvent event, void *) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
  while (retired != nullptr) {
    Retired *entry = retired;
    retired = entry->next;
    SPI_freeplan(entry->plan);
    pfree(entry);
  }
}
}

[[noreturn]] void raise_broken(Oid child, const char *problem) {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("table \"%s\" cannot take its tenant from its parent", get_rel_name(child)),
           errdetail("Found: %s.", problem),
           errhint("Call tenancy.protect() again, or tenancy.unprotect(); tenancy.advise() says more.")));
}

void require_same_type(const ChildTable &child, AttrNumber mine, Oid parent, AttrNumber theirs) {
  if (get_atttype(child.relation, mine) == get_atttype(parent, theirs)) return;
  raise_broken(child.relation, psprintf("columns \"%s\" and \"%s\" of \"%s\" differ in type",
                                        get_attname(child.relation, mine, false),
                                        get_attname(parent, theirs, false), get_rel_name(parent)));
}

// REQUIRES: a lock on the parent.
void read_parent(ChildTable &child, Parent &parent) {
  const Relation relation = table_open(parent.key.relation, AccessShareLock);
  PolicyCall call{};
  const bool is_protected = read_select_policy(relation, call);
  memcpy(parent.columns, call.columns, sizeof parent.columns);
  table_close(relation, NoLock);
  if (!is_protected)
    raise_broken(child.relation,
                 psprintf("table \"%s\" is not protected", get_rel_name(parent.key.relation)));
}

// A column that is itself the key is equal by the foreign key, and not copied.
AttrNumber column_of_child(const ChildTable &child, int part) {
  if (child.columns.copies[part] != InvalidAttrNumber) return child.columns.copies[part];
  const Parent &first = child.parents[0];
  return first.columns[part] != InvalidAttrNumber && first.columns[part] == first.key.referenced
             ? child.columns.keys[0]
             : InvalidAttrNumber;
}

void read_child(ChildTable &child) {
  const Relation relation = table_open(child.relation, AccessShareLock);
  const char *problem = read_child_columns(relation, child.columns);
  table_close(relation, NoLock);
  if (problem != nullptr) raise_broken(child.relation, problem);
  child.compared = id_column::organization;
  for (int i = 0; i < child.columns.parents; i++) {
    Parent &parent = child.parents[i];
    if (!find_parent(child.relation, child.columns.keys[i], parent.key))
      raise_broken(child.relation, psprintf("column \"%s\" has no foreign key",
                                            get_attname(child.relation, child.columns.keys[i], false)));
    read_parent(child, parent);
    if (parent.columns[id_column::organization] == InvalidAttrNumber) child.compared = id_column::workspace;
  }
  for (int part = 0; part < id_column_count; part++) {
    if (child.columns.copies[part] == InvalidAttrNumber) continue;
    if (child.parents[0].columns[part] == InvalidAttrNumber)
      raise_broken(child.relation, psprintf("table \"%s\" has no column for the %s",
                                            get_rel_name(child.parents[0].key.relation), part_names[part]));
    require_same_type(child, child.columns.copies[part], child.parents[0].key.relation,
                      child.parents[0].columns[part]);
  }
  child.compared_column = column_of_child(child, child.compared);
  for (int i = 1; i < child.columns.parents; i++) {
    const Parent &parent = child.parents[i];
    if (parent.columns[child.compared] == InvalidAttrNumber || child.compared_column == InvalidAttrNumber)
      raise_broken(child.relation,
                   psprintf("it cannot be compared with table \"%s\"", get_rel_name(parent.key.relation)));
    require_same_type(child, child.compared_column, parent.key.relation, parent.columns[child.compared]);
  }
}

// --- statements; every name is qualified, and every operator has its schema

const char *qualified(Oid relation) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
}

const char *only(Oid relation) {
  return get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ";
}

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
  initStringInfo(&sql);
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
  if (!read_select_policy(opened, call)) raise_broken(child.relation, "its parent is not protected");
  table_close(opened, NoLock);
  StringInfoData sql;
  initStringInfo(&sql);
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
  initStringInfo(&sql);
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
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT FROM %s%s x WHERE ", only(child.relation), qualified(child.relation));
  append_key_of_child(&sql, child, parent);
  appendStringInfoString(&sql, " AND NOT ");
  generate_operator_clause(&sql, column_of(child.relation, child.compared_column), type,
                           lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr, "$2", type);
  Oid types[] = {get_atttype(compared.key.relation, compared.key.referenced), type};
  return keep(sql.data, 2, types);
}

SPIPlanPtr make_move(const ChildTable &child) {
  const Parent &parent = child.parents[0];
  Oid types[1 + id_column_count] = {get_atttype(parent.key.relation, parent.key.referenced)};
  int count = 1;
  StringInfoData sql;
  initStringInfo(&sql);
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
  return keep(sql.data, count, types);
}

}  // namespace

const char *read_child_columns(Relation child, ChildColumns &columns) {
  columns = {};
  for (const char *name : {insert_trigger, update_trigger})
    if (const char *problem = problem_of_trigger(child, name)) return problem;
  const Trigger *trigger = trigger_named(child, update_trigger);
  AttrNumber numbers[max_parents + id_column_count];
  const int count = columns_of_new(trigger, numbers, lengthof(numbers));
  const char *changed = psprintf("trigger \"%s\" has been changed", update_trigger);
  if (count != trigger->tgnargs) return changed;
  for (int i = 0; i < count; i++) {
    const int part = part_named(trigger->tgargs[i]);
    if (part >= 0)
      columns.copies[part] = numbers[i];
    else if (strcmp(trigger->tgargs[i], "parent") == 0 && columns.parents < max_parents)
      columns.keys[columns.parents++] = numbers[i];
    else
      return changed;
  }
  return columns.parents == 0 ? changed : nullptr;
}

bool find_parent(Oid child, AttrNumber key, ParentKey &parent) {
  bool found = false;
  const Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData scan_key;
  ScanKeyInit(&scan_key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(child));
  SysScanDesc scan =
      systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true, nullptr, 1, &scan_key);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    const auto *constraint = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    if (constraint->contype != CONSTRAINT_FOREIGN) continue;
    // Foreign keys of a partitioned parent exist once more for each partition.
    if (found && get_rel_relispartition(constraint->confrelid)) continue;
    int count = 0, set_count = 0;
    AttrNumber own[INDEX_MAX_KEYS], theirs[INDEX_MAX_KEYS], set[INDEX_MAX_KEYS];
    Oid equal[INDEX_MAX_KEYS], equal_theirs[INDEX_MAX_KEYS], equal_own[INDEX_MAX_KEYS];
    DeconstructFkConstraintRow(tuple, &count, own, theirs, equal, equal_theirs, equal_own, &set_count, set);
    if (count != 1 || own[0] != key) continue;
    parent = {constraint->confrelid, theirs[0], equal[0],
              constraint->confdeltype == FKCONSTR_ACTION_SETDEFAULT ||
                  constraint->confupdtype == FKCONSTR_ACTION_SETDEFAULT};
    found = true;
    if (!get_rel_relispartition(constraint->confrelid)) break;
  }
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
  return found;
}

const char *problem_of_child(Relation child, const ChildColumns &columns) {
  const Oid relation = RelationGetRelid(child);
  for (int i = 0; i < columns.parents; i++) {
    ParentKey parent{};
    if (!find_parent(relation, columns.keys[i], parent))
      return psprintf("column \"%s\" has no foreign key", get_attname(relation, columns.keys[i], false));
    if (parent.sets_default)
      return psprintf("column \"%s\" has a foreign key that sets a default",
                      get_attname(relation, columns.keys[i], false));
    // The parent's triggers are for the topmost table.
    if (child->rd_rel->relispartition) continue;
    const Relation opened = table_open(parent.relation, AccessShareLock);
    const bool follows = has_hold(opened) &&
                         has_trigger_for(opened, relation, i == 0 ? "move_children" : "check_parents") &&
                         (columns.parents == 1 || has_trigger_for(child, InvalidOid, "check_parents"));
    table_close(opened, NoLock);
    if (!follows)
      return psprintf("a trigger between it and table \"%s\" is missing", get_rel_name(parent.relation));
  }
  return nullptr;
}

ChildTable &child_table(Oid relation) {
  if (children == nullptr) {
    HASHCTL control{};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(ChildTable);
    control.hcxt = TopMemoryContext;
    children = hash_create("child tables", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  bool found = false;
  auto *child = static_cast<ChildTable *>(hash_search(children, &relation, HASH_ENTER, &found));
  if (!found) {
    *child = {};
    child->relation = relation;
  }
  if (child->is_current && child->is_complete) return *child;
  child->is_complete = false;
  child->is_current = true;  // unless an invalidation arrives meanwhile
  retire(child->move);
  for (Parent &parent : child->parents) {
    retire(parent.read);
    retire(parent.visible);
    retire(parent.accepted);
    retire(parent.strange);
  }
  read_child(*child);
  child->is_complete = true;
  return *child;
}

SPIPlanPtr read_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan = child.parents[parent].read;
  if (plan == nullptr) plan = make_read(child, parent);
  return plan;
}

SPIPlanPtr accepted_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan = child.parents[parent].accepted;
  if (plan == nullptr) plan = make_accepted(child, parent);
  return plan;
}

SPIPlanPtr visible_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan = child.parents[parent].visible;
  if (plan == nullptr) plan = make_visible(child, parent);
  return plan;
}

SPIPlanPtr strange_plan(ChildTable &child, int parent) {
  SPIPlanPtr &plan = child.parents[parent].strange;
  if (plan == nullptr) plan = make_strange(child, parent);
  return plan;
}

SPIPlanPtr move_plan(ChildTable &child) {
  if (child.move == nullptr) child.move = make_move(child);
  return child.move;
}

void register_child_tables() {
  CacheRegisterRelcacheCallback(relation_invalidated, Datum(0));
  RegisterXactCallback(transaction_ended, nullptr);
}

}  // namespace tenancy::pg
