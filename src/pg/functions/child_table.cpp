// A child table describes itself: the condition of its UPDATE trigger contains its columns, so that the
// server follows renames, and the trigger's arguments give their roles. The foreign key gives the parent
// table, and that table's policies its tenant columns. No name is stored as text that could resolve to
// another object later.

#include "pg/functions/child_table.hpp"

#include <initializer_list>
#include <span>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
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

bool has_trigger(const Relation parent, const char *function) {
  for (const Trigger &trigger : triggers_of(parent))
    if (is_enabled(&trigger) && is_our_function(trigger.tgfoid, function)) return true;
  return false;
}

// A column that calls more values equal than the key refers to several rows: referential actions, and rows
// that follow their parent, go by its collation.
bool collate_alike(Oid child, AttrNumber mine, Oid parent, AttrNumber theirs) {
  Oid type = InvalidOid, collation_of_child = InvalidOid, collation_of_parent = InvalidOid;
  int32 modifier = -1;
  get_atttypetypmodcoll(child, mine, &type, &modifier, &collation_of_child);
  get_atttypetypmodcoll(parent, theirs, &type, &modifier, &collation_of_parent);
  return collation_of_child == collation_of_parent ||
         ((!OidIsValid(collation_of_child) || get_collation_isdeterministic(collation_of_child)) &&
          (!OidIsValid(collation_of_parent) || get_collation_isdeterministic(collation_of_parent)));
}

// --- the cache

struct Retired {
  Retired *next;
  SPIPlanPtr plan;
};

HTAB *children = nullptr;
Retired *retired = nullptr;  // plans that an outer statement may still be executing

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

void require_same_type(const ChildTable &child, AttrNumber mine, Oid parent, AttrNumber theirs) {
  if (get_atttype(child.relation, mine) == get_atttype(parent, theirs)) return;
  raise_broken_child(child.relation, psprintf("columns \"%s\" and \"%s\" of \"%s\" differ in type",
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
    raise_broken_child(child.relation,
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
  if (problem != nullptr) raise_broken_child(child.relation, problem);
  child.compared = id_column::organization;
  for (int i = 0; i < child.columns.parents; i++) {
    Parent &parent = child.parents[i];
    if (!find_parent(child.relation, child.columns.keys[i], parent.key))
      raise_broken_child(child.relation, psprintf("column \"%s\" has no foreign key",
                                                  get_attname(child.relation, child.columns.keys[i], false)));
    if (parent.key.differs_in_collation)
      raise_broken_child(child.relation,
                         psprintf("column \"%s\" and the key that it refers to differ in collation",
                                  get_attname(child.relation, child.columns.keys[i], false)));
    read_parent(child, parent);
    if (parent.columns[id_column::organization] == InvalidAttrNumber) child.compared = id_column::workspace;
  }
  for (int part = 0; part < id_column_count; part++) {
    if (child.columns.copies[part] == InvalidAttrNumber) continue;
    if (child.parents[0].columns[part] == InvalidAttrNumber)
      raise_broken_child(child.relation,
                         psprintf("table \"%s\" has no column for the %s",
                                  get_rel_name(child.parents[0].key.relation), part_names[part]));
    require_same_type(child, child.columns.copies[part], child.parents[0].key.relation,
                      child.parents[0].columns[part]);
  }
  child.compared_column = column_of_child(child, child.compared);
  for (int i = 1; i < child.columns.parents; i++) {
    const Parent &parent = child.parents[i];
    if (parent.columns[child.compared] == InvalidAttrNumber || child.compared_column == InvalidAttrNumber)
      raise_broken_child(child.relation, psprintf("it cannot be compared with table \"%s\"",
                                                  get_rel_name(parent.key.relation)));
    require_same_type(child, child.compared_column, parent.key.relation, parent.columns[child.compared]);
  }
}

}  // namespace

void raise_broken_child(Oid child, const char *problem) {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("table \"%s\" cannot take its tenant from its parent", get_rel_name(child)),
           errdetail("Found: %s.", problem),
           errhint("Call tenancy.protect() again, or tenancy.unprotect(); tenancy.advise() says more.")));
}

void retire_plan(SPIPlanPtr &plan) {
  if (plan == nullptr) return;
  auto *entry = static_cast<Retired *>(MemoryContextAlloc(TopMemoryContext, sizeof(Retired)));
  entry->next = retired;
  entry->plan = plan;
  retired = entry;
  plan = nullptr;
}

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
                  constraint->confupdtype == FKCONSTR_ACTION_SETDEFAULT,
              !collate_alike(child, key, constraint->confrelid, theirs[0])};
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
    if (parent.differs_in_collation)
      return psprintf("column \"%s\" and the key that it refers to differ in collation",
                      get_attname(relation, columns.keys[i], false));
    // The parent's triggers are for the topmost table.
    if (child->rd_rel->relispartition) continue;
    const Relation opened = table_open(parent.relation, AccessShareLock);
    const bool follows = has_trigger(opened, "hold_parent") && has_trigger(opened, "keep_children") &&
                         has_trigger_for(opened, relation, i == 0 ? "move_children" : "check_parents") &&
                         (columns.parents == 1 || has_trigger_for(child, InvalidOid, "check_parents"));
    table_close(opened, NoLock);
    if (!follows)
      return psprintf("a trigger between it and table \"%s\" is missing", get_rel_name(parent.relation));
  }
  return nullptr;
}

Oid owner_of(Oid relation) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for relation %u", relation);
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
  ReleaseSysCache(row);
  return owner;
}

Oid find_other_owner(Oid child, Oid parent, LOCKMODE lock) {
  const ListCell *cell = nullptr;
  foreach (cell, find_all_inheritors(child, lock, nullptr))
    if (!has_privs_of_role(owner_of(lfirst_oid(cell)), owner_of(parent))) return lfirst_oid(cell);
  return InvalidOid;
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
  retire_plan(child->move);
  for (Parent &parent : child->parents) {
    retire_plan(parent.read);
    retire_plan(parent.visible);
    retire_plan(parent.accepted);
    retire_plan(parent.strange);
    retire_plan(parent.left);
  }
  read_child(*child);
  child->is_complete = true;
  return *child;
}

void register_child_tables() {
  CacheRegisterRelcacheCallback(relation_invalidated, Datum(0));
  RegisterXactCallback(transaction_ended, nullptr);
}

}  // namespace tenancy::pg
