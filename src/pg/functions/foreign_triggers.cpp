// A foreign key's checks and actions run as the owner of its table, whose code can be in them: predicates of
// indexes and checks of the table are evaluated when they are planned (see owner_exemption.cpp). Since
// PostgreSQL 18, AFTER triggers do as well. Those of foreign keys to our catalogs, and to tables on which our
// functions work, run in the midst of functions with other rights. What they set, such as search_path, would
// stay in force for the rest of the function: all of it is put back.
//
// An action's own statement, and those that rules make of it, leave AFTER triggers to the end of the
// statement that has set them off. Before PostgreSQL 18, they run as whoever runs that one, or deferred ones
// as whoever commits. So there the actions are a security-restricted operation, in which nothing can be
// deferred, and end in an error where such a trigger would run.

#include "pg/functions/foreign_triggers.hpp"

#include <initializer_list>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/plan/owner_exemption.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/kept_settings.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "access/relation.h"
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

// The statement whose end is being run, if code of others there would have more rights than its owner.
struct Change {
  Oid table;
  Oid user;
};
Change change{};

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

// The events of a table that a statement changes. A row that moves to another partition is
// deleted and inserted.
int events_of(const QueryDesc *description, const ResultRelInfo *changed) {
  constexpr int all = TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE;
  if (description->plannedstmt->hasModifyingCTE) return all;
  if (description->operation == CMD_DELETE) return TRIGGER_TYPE_DELETE;
  if (description->operation == CMD_UPDATE && !changed->ri_RelationDesc->rd_rel->relispartition)
    return TRIGGER_TYPE_UPDATE;
  return all;
}

bool runs_code_of_others(const Trigger &trigger, int events) {
  if (trigger.tgenabled == TRIGGER_DISABLED || (trigger.tgtype & events) == 0 ||
      (trigger.tgtype & (TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSTEAD)) != 0 ||
      RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_NONE)
    return false;
  if (trigger.tgfoid == F_UNIQUE_KEY_RECHECK) return is_exclusion(trigger);
  if (is_ours(trigger.tgfoid)) return false;
  // Arguments can name what is to be run or changed.
  return trigger.tgqual != nullptr || trigger.tgnargs > 0 || !is_superusers(trigger.tgfoid);
}

void refuse_triggers(const QueryDesc *description, const ResultRelInfo *changed) {
  const Relation relation = changed->ri_RelationDesc;
  const Oid owner = relation->rd_rel->relowner;
  const TriggerDesc *triggers = changed->ri_TrigDesc;
  if (triggers == nullptr || owner == change.user || superuser_arg(owner)) return;
  const int events = events_of(description, changed);
  for (int i = 0; i < triggers->numtriggers; i++)
    if (const Trigger &trigger = triggers->triggers[i]; runs_code_of_others(trigger, events))
      ereport(ERROR,
              (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
               errmsg("trigger \"%s\" of table \"%s\" would run with the rights of another role",
                      trigger.tgname, RelationGetRelationName(relation)),
               errdetail("A foreign key changes rows of that table together with those of \"%s\".",
                         get_rel_name(change.table)),
               errhint("Drop the trigger, or define the foreign key without ON DELETE and ON UPDATE.")));
}

// Of the statement of a foreign key's action, or one that a rule has made of it: of whatever tables it has
// changed, whose triggers are those that it has found.
void refuse_triggers_of_others(const QueryDesc *description) {
  const EState *execution = description->estate;
  for (const List *tables :
       {execution->es_opened_result_relations, execution->es_tuple_routing_result_relations}) {
    const ListCell *cell = nullptr;
    foreach (cell, tables) refuse_triggers(description, static_cast<const ResultRelInfo *>(lfirst(cell)));
  }
}

// Of work as the owner of a user's table (owner_work.cpp), and of changes of our catalogs.
Change change_by(const QueryDesc *description) {
  const bool is_owner_work = InSecurityRestrictedOperation() && is_suspended();
  const ListCell *cell = nullptr;
  foreach (cell, description->estate->es_opened_result_relations) {
    const Relation relation = static_cast<ResultRelInfo *>(lfirst(cell))->ri_RelationDesc;
    if (is_referenced(relation) && (is_owner_work || is_catalog_schema(RelationGetNamespace(relation))))
      return {RelationGetRelid(relation), GetUserId()};
  }
  return {};
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

#if PG_VERSION_NUM < 180000

void finish_as(const Change &its, QueryDesc *description) {
  struct Work {
    QueryDesc *description;
    Change outer;
    bool was_restricted;
  } work{description, change, restrict_actions(OidIsValid(its.table))};
  change = its;
  run_with_cleanup([](void *argument) { finish_next(static_cast<Work *>(argument)->description); },
                   [](void *argument) {
                     const auto *done = static_cast<Work *>(argument);
                     change = done->outer;
                     restrict_actions(done->was_restricted);
                   },
                   &work);
}

// An action's statement leaves its triggers to the one that has set it off; others' run at their own end.
// What WITH changes and nothing reads is changed here, and may reach further partitions.
void finish_guarded(QueryDesc *description, bool is_referenced) {
  if ((description->estate->es_top_eflags & EXEC_FLAG_SKIP_TRIGGERS) != 0) {
    finish_next(description);
    if (OidIsValid(change.table)) refuse_triggers_of_others(description);
    return;
  }
  const Change its = is_referenced ? change_by(description) : Change{};
  if (OidIsValid(its.table) || OidIsValid(change.table))
    finish_as(its, description);
  else
    finish_next(description);
}

#else

void finish_guarded(QueryDesc *description, bool) { finish_next(description); }

#endif

extern "C" {
static void finish(QueryDesc *description) {
  if (!writes_referenced_table(description)) {
    finish_guarded(description, false);
    return;
  }
  const int settings = keep_settings();
  finish_guarded(description, true);
  restore_settings(settings);
}
}

}  // namespace

void register_foreign_triggers() {
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = finish;
}

}  // namespace tenancy::pg
