// A foreign key's checks and actions run as the owner of its table, whose code can be in them: predicates of
// indexes and checks of the table are evaluated when they are planned (see owner_exemption.cpp). Since
// PostgreSQL 18, AFTER triggers do as well. Those of foreign keys to our catalogs, and to tables on which our
// functions work, run in the midst of functions with other rights. What they set, such as search_path, would
// stay in force for the rest of the function: all of it is put back.
//
// An action's own statement leaves its table's AFTER triggers to the end of the statement that has set it
// off. Before PostgreSQL 18, they run as whoever runs that one.

#include "pg/functions/foreign_triggers.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/kept_settings.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
}

namespace tenancy::pg {
namespace {

ExecutorFinish_hook_type next_finish = nullptr;

bool is_referenced(Relation relation) {
  const TriggerDesc *triggers = relation->trigdesc;
  if (triggers == nullptr) return false;
  for (int i = 0; i < triggers->numtriggers; i++)
    if (RI_FKey_trigger_type(triggers->triggers[i].tgfoid) == RI_TRIGGER_PK) return true;
  return false;
}

#if PG_VERSION_NUM < 180000

// The table that the trigger changes, for a foreign key with an action; else InvalidOid.
Oid changed_by(const Trigger &trigger) {
  switch (trigger.tgfoid) {
    case F_RI_FKEY_CASCADE_DEL:
    case F_RI_FKEY_CASCADE_UPD:
    case F_RI_FKEY_SETNULL_DEL:
    case F_RI_FKEY_SETNULL_UPD:
    case F_RI_FKEY_SETDEFAULT_DEL:
    case F_RI_FKEY_SETDEFAULT_UPD:
      return trigger.tgconstrrelid;
    default:
      return InvalidOid;
  }
}

bool is_ours(Oid function) {
  const Oid extension = getExtensionOfObject(ProcedureRelationId, function);
  return OidIsValid(extension) && extension == get_extension_oid("pg_tenancy", true);
}

bool is_superusers(Oid function) {
  HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(row)) return false;
  const Oid owner = reinterpret_cast<Form_pg_proc>(GETSTRUCT(row))->proowner;
  ReleaseSysCache(row);
  return superuser_arg(owner);
}

// An exclusion constraint that can be deferred evaluates its expressions again.
bool is_exclusion(const Trigger &trigger) {
  const Relation index = index_open(trigger.tgconstrindid, AccessShareLock);
  const bool excludes = index->rd_index->indisexclusion;
  index_close(index, NoLock);
  return excludes;
}

bool runs_code_of_others(const Trigger &trigger) {
  if (trigger.tgenabled == TRIGGER_DISABLED || (trigger.tgtype & TRIGGER_TYPE_BEFORE) != 0 ||
      (trigger.tgtype & (TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)) == 0 ||
      RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_NONE)
    return false;
  if (trigger.tgfoid == F_UNIQUE_KEY_RECHECK) return is_exclusion(trigger);
  if (is_ours(trigger.tgfoid)) return false;
  // Arguments can name what is to be run or changed.
  return trigger.tgqual != nullptr || trigger.tgnargs > 0 || !is_superusers(trigger.tgfoid);
}

void refuse_triggers(Relation relation, Oid user, Oid changed_first) {
  const Oid owner = relation->rd_rel->relowner;
  const TriggerDesc *triggers = relation->trigdesc;
  if (triggers == nullptr || owner == user || superuser_arg(owner)) return;
  for (int i = 0; i < triggers->numtriggers; i++)
    if (const Trigger &trigger = triggers->triggers[i]; runs_code_of_others(trigger))
      ereport(ERROR,
              (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
               errmsg("trigger \"%s\" of table \"%s\" would run with the rights of another role",
                      trigger.tgname, RelationGetRelationName(relation)),
               errdetail("A foreign key changes rows of that table together with those of \"%s\".",
                         get_rel_name(changed_first)),
               errhint("Drop the trigger, or define the foreign key without ON DELETE and ON UPDATE.")));
}

void add_changed(Relation relation, List **tables) {
  const TriggerDesc *triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Oid changed = changed_by(triggers->triggers[i]);
    if (!OidIsValid(changed) || list_member_oid(*tables, changed)) continue;
    *tables = get_rel_relkind(changed) == RELKIND_PARTITIONED_TABLE
                  ? list_concat_unique_oid(*tables, find_all_inheritors(changed, RowExclusiveLock, nullptr))
                  : lappend_oid(*tables, changed);
  }
}

void refuse_triggers_of_others(Oid table, Oid user) {
  List *tables = list_make1_oid(table);
  // Grows meanwhile.
  for (int i = 0; i < list_length(tables); i++) {
    // As the action locks it, so that no trigger comes in between.
    const Relation relation = try_relation_open(list_nth_oid(tables, i), RowExclusiveLock);
    if (relation == nullptr) continue;
    if (i > 0) refuse_triggers(relation, user, table);
    add_changed(relation, &tables);
    relation_close(relation, NoLock);
  }
  list_free(tables);
}

bool has_actions(Relation relation) {
  const TriggerDesc *triggers = relation->trigdesc;
  for (int i = 0; i < triggers->numtriggers; i++)
    if (OidIsValid(changed_by(triggers->triggers[i]))) return true;
  return false;
}

// Of work as the owner of a user's table (owner_work.cpp), and of changes of our catalogs.
void refuse_triggers_set_off_by(const QueryDesc *description) {
  const bool is_owner_work = InSecurityRestrictedOperation() && is_suspended();
  const ListCell *cell = nullptr;
  foreach (cell, description->estate->es_opened_result_relations) {
    const Relation relation = static_cast<ResultRelInfo *>(lfirst(cell))->ri_RelationDesc;
    if (relation->trigdesc != nullptr && has_actions(relation) &&
        (is_owner_work || is_catalog_schema(RelationGetNamespace(relation))))
      refuse_triggers_of_others(RelationGetRelid(relation), GetUserId());
  }
}

#endif

// Without a look-up for tables to which no foreign key refers.
bool writes_referenced_table(const QueryDesc *description) {
  const ListCell *cell = nullptr;
  foreach (cell, description->estate->es_opened_result_relations)
    if (is_referenced(static_cast<ResultRelInfo *>(lfirst(cell))->ri_RelationDesc)) return true;
  return false;
}

void finish_next(QueryDesc *description) {
  if (next_finish != nullptr)
    next_finish(description);
  else
    standard_ExecutorFinish(description);
}

extern "C" {
static void finish(QueryDesc *description) {
  if (!writes_referenced_table(description)) {
    finish_next(description);
    return;
  }
#if PG_VERSION_NUM < 180000
  // After the rows have been locked, so that triggers made meanwhile are seen.
  refuse_triggers_set_off_by(description);
#endif
  const int settings = keep_settings();
  finish_next(description);
  restore_settings(settings);
}
}

}  // namespace

void register_foreign_triggers() {
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = finish;
}

}  // namespace tenancy::pg
