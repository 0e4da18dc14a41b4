#include "pg/functions/legal_hold.hpp"

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/functions/held_rows.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "tcop/deparse_utility.h"
}

namespace tenancy::pg {
namespace {

object_access_hook_type next_access = nullptr;

// Of a superuser who has switched the rails off: the last resort.
bool is_exempt() { return !configuration.guard_rails || IsBinaryUpgrade; }

struct TriggerRow {
  HeapTuple row;  // a copy; nullptr: there is none
  Oid relation;
  Oid function;
  NameData name;
  char enabled;
  bool is_keeping;
  bool is_before_row;
  bool is_ours;
};

bool is_internal(Oid function) {
  return get_func_namespace(function) == get_namespace_oid("tenancy_internal", true);
}

// With SnapshotSelf as it is now, in the middle of the command that changes it; with nullptr as it was
// before.
TriggerRow read_trigger(Oid oid, Snapshot snapshot) {
  TriggerRow result{};
  const Relation triggers = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
  const SysScanDesc scan = systable_beginscan(triggers, TriggerOidIndexId, true, snapshot, 1, &key);
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    const auto *form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
    result.row = heap_copytuple(row);
    result.relation = form->tgrelid;
    result.name = form->tgname;
    result.function = form->tgfoid;
    result.enabled = form->tgenabled;
    result.is_keeping = keeps_rows(form->tgfoid);
    result.is_ours = is_internal(form->tgfoid);
    result.is_before_row = TRIGGER_FOR_ROW(form->tgtype) && TRIGGER_FOR_BEFORE(form->tgtype);
  }
  systable_endscan(scan);
  table_close(triggers, AccessShareLock);
  return result;
}

constexpr char keeping_name[] = "~~tenancy_keep_row";

bool has_keeping_trigger(Oid table) {
  const Relation relation = try_relation_open(table, AccessShareLock);
  if (relation == nullptr) return false;
  const bool found = keeping_trigger(relation) != nullptr;
  relation_close(relation, NoLock);
  return found;
}

// Triggers run in the order of their names: a later one could change what has been judged, or a row that
// moves.
void refuse_later_trigger(const TriggerRow &trigger) {
  if (trigger.is_ours || !trigger.is_before_row || strcmp(NameStr(trigger.name), keeping_name) < 0 ||
      is_exempt() || !has_keeping_trigger(trigger.relation))
    return;
  ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME),
                  errmsg("trigger \"%s\" would run after those that keep rows", NameStr(trigger.name)),
                  errdetail("Table \"%s\" follows the logging settings, and BEFORE ROW triggers run in the "
                            "order of their names.",
                            get_rel_name(trigger.relation)),
                  errhint("Give it a name that sorts before \"%s\".", keeping_name)));
}

bool is_of_extension(Oid table) {
  const Oid extension = get_extension_oid("pg_tenancy", true);
  return OidIsValid(extension) && getExtensionOfObject(RelationRelationId, table) == extension;
}

// Greater is in more cases.
int firing(char enabled) {
  switch (enabled) {
    case TRIGGER_FIRES_ALWAYS:
      return 3;
    case TRIGGER_FIRES_ON_ORIGIN:
      return 2;
    case TRIGGER_FIRES_ON_REPLICA:
      return 1;
    default:
      return 0;
  }
}

// By their images: whichever column differs, the trigger is another one.
bool is_same_row(HeapTuple one, HeapTuple other) {
  constexpr Size header = SizeofHeapTupleHeader;
  return one->t_len == other->t_len &&
         memcmp(reinterpret_cast<const char *>(one->t_data) + header,
                reinterpret_cast<const char *>(other->t_data) + header, one->t_len - header) == 0;
}

// One of ours that CREATE OR REPLACE TRIGGER leaves with other events, arguments or another condition, or no
// longer enabled always.
bool is_replaced(ObjectAccessType access, const TriggerRow &now, const TriggerRow &former) {
  return access == OAT_POST_CREATE && former.is_ours && !is_same_row(now.row, former.row);
}

// The order of the names is that in which the triggers run, and they are renewed by these names.
bool has_same_name(const TriggerRow &now, const TriggerRow &former) {
  return strcmp(NameStr(now.name), NameStr(former.name)) == 0;
}

// Rows that are written while such a trigger is off stay as they are afterwards: with a tenant other than
// their parent's, or a column changed without the permission. Of the catalogs only superusers can disable
// them.
void refuse_weakening(ObjectAccessType access, const TriggerRow &now, const TriggerRow &former) {
  if (!former.is_ours || is_of_extension(former.relation)) return;
  if (!is_replaced(access, now, former) && now.function == former.function &&
      firing(now.enabled) >= firing(former.enabled) && has_same_name(now, former))
    return;
  const char *state = former.enabled == TRIGGER_FIRES_ALWAYS ? " always" : "";
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("trigger \"%s\" of table \"%s\" must stay enabled%s, and keep its name",
                  NameStr(former.name), get_rel_name(former.relation), state),
           errdetail("It is part of the protection of the table."),
           errhint("Disable or enable triggers of your own by their names; or use tenancy.unprotect().")));
}

void examine_trigger(ObjectAccessType access, Oid object) {
  const TriggerRow trigger = read_trigger(object, SnapshotSelf);
  if (is_exempt()) return;
  const TriggerRow former = read_trigger(object, nullptr);
  if (!trigger.is_keeping) {
    const bool has_our_name = strncmp(NameStr(trigger.name), keeping_name, sizeof(keeping_name) - 1) == 0;
    // CREATE OR REPLACE drops nothing.
    if (access == OAT_POST_CREATE && has_our_name)
      ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME),
                      errmsg("trigger name \"%s\" is reserved", NameStr(trigger.name)),
                      errdetail("Triggers of this name have a table follow the logging settings.")));
    if (access == OAT_DROP) return;
    refuse_weakening(access, trigger, former);
    refuse_later_trigger(trigger);
  } else if (access == OAT_DROP) {
    // A table that is dropped loses its triggers before itself, and a partition that is detached those of
    // its parent.
    check_no_held_rows(trigger.relation);
  } else if (is_replaced(access, trigger, former) ||
             (access == OAT_POST_ALTER &&
              (trigger.enabled != TRIGGER_FIRES_ALWAYS || !has_same_name(trigger, former)))) {
    check_no_held_rows(trigger.relation);
    // Without a held row as well: later ones would not be kept.
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("trigger \"%s\" of table \"%s\" must stay enabled always, and keep its name",
                    NameStr(former.name), get_rel_name(trigger.relation)),
             errdetail("By it the table follows the logging settings."),
             errhint("Use tenancy.ignore_logging_settings() if the table is no longer to follow them.")));
  }
}

// As it is now, in the middle of the command that changes it.
bool is_child_of(Oid child, Oid parent) {
  const Relation inherits = table_open(InheritsRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(child));
  const SysScanDesc scan =
      systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, SnapshotSelf, 1, &key);
  bool found = false;
  for (HeapTuple row; !found && HeapTupleIsValid(row = systable_getnext(scan));)
    found = reinterpret_cast<Form_pg_inherits>(GETSTRUCT(row))->inhparent == parent;
  systable_endscan(scan);
  table_close(inherits, AccessShareLock);
  return found;
}

void examine(ObjectAccessType access, Oid catalog, Oid object, int column, const void *argument) {
  if (access != OAT_DROP && access != OAT_POST_ALTER && access != OAT_POST_CREATE) return;
  if (catalog == TriggerRelationId) {
    examine_trigger(access, object);
  } else if (catalog == InheritsRelationId && access == OAT_POST_ALTER && argument != nullptr) {
    // A child that leaves its parent, with its own children, would no longer follow the settings by it.
    const Oid parent = static_cast<const ObjectAccessPostAlter *>(argument)->auxiliary_id;
    if (!is_exempt() && !is_child_of(object, parent)) check_no_held_rows_below(object);
  } else if (catalog == RelationRelationId && access == OAT_DROP && column > 0 && !is_exempt()) {
    const char kind = get_rel_relkind(object);
    // Children that keep the column would no longer have it for one with content.
    if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) check_no_held_rows_below(object);
    // Other tables can have columns of a table's row type, too.
    if (const Oid type = get_rel_type_id(object); OidIsValid(type)) check_no_held_values(type);
  }
}

// The table and its partition that such a command names; InvalidOid unless the server would go on with it.
// Without a lock: the session may have no right to one.
Oid partition_to_detach(const RangeVar *table_name, const RangeVar *partition_name) {
  const Oid table = RangeVarGetRelid(table_name, NoLock, true);
  if (!OidIsValid(table) || !owns_relation(table, GetUserId())) return InvalidOid;
  const Oid partition = RangeVarGetRelid(partition_name, NoLock, true);
  if (!OidIsValid(partition) || !get_rel_relispartition(partition) ||
      get_partition_parent(partition, true) != table)
    return InvalidOid;
  return partition;
}

// Another table can have the name once the lock is there, and none afterwards.
void check_partition(const RangeVar *table_name, const RangeVar *partition_name) {
  Oid checked = InvalidOid;
  for (Oid partition = partition_to_detach(table_name, partition_name);
       OidIsValid(partition) && partition != checked;
       partition = partition_to_detach(table_name, partition_name)) {
    check_no_held_rows_below(partition);
    checked = partition;
  }
}

// Refused before the command begins: a first transaction of its own has been committed when the server takes
// the triggers away. Whoever may not run the command gets the server's error: whether rows are held is not
// for everybody.
void examine_command(const Node *command) {
  if (command == nullptr || is_exempt() || !IsA(command, AlterTableStmt)) return;
  const auto *statement = reinterpret_cast<const AlterTableStmt *>(command);
  const ListCell *cell = nullptr;
  foreach (cell, statement->cmds) {
    const auto *part = static_cast<const AlterTableCmd *>(lfirst(cell));
    if (part->subtype != AT_DetachPartition || part->def == nullptr || !IsA(part->def, PartitionCmd))
      continue;
    const auto *partition = reinterpret_cast<const PartitionCmd *>(part->def);
    if (partition->concurrent) check_partition(statement->relation, partition->name);
  }
}

bool is_among(const char *name, ArrayType *names) {
  Datum *elements = nullptr;
  int count = 0;
  deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, nullptr, &count);
  return std::any_of(elements, elements + count,
                     [&](Datum element) { return strcmp(NameStr(*DatumGetName(element)), name) == 0; });
}

bool keeps_content(const Trigger &trigger, const char *column) {
  return DatumGetBool(DirectFunctionCall2(jsonb_exists,
                                          DirectFunctionCall1(jsonb_in, CStringGetDatum(trigger.tgargs[3])),
                                          PointerGetDatum(cstring_to_text(column))));
}

// RETURNS whether a column that the trigger keeps is not among the names. One that is gone held nothing.
bool loses_content(Relation relation, const Trigger &trigger, ArrayType *names) {
  const TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts; i++) {
    const auto *attribute = TupleDescAttr(descriptor, i);
    const char *name = NameStr(attribute->attname);
    if (!attribute->attisdropped && !is_among(name, names) && keeps_content(trigger, name)) return true;
  }
  return false;
}

extern "C" {
static void accessed(ObjectAccessType access, Oid catalog, Oid object, int column, void *argument) {
  if (next_access != nullptr) next_access(access, catalog, object, column, argument);
  examine(access, catalog, object, column, argument);
}
}

}  // namespace

void register_legal_holds() {
  next_access = object_access_hook;
  object_access_hook = accessed;
}

extern "C" {
// BEFORE TRUNCATE
PG_FUNCTION_INFO_V1(pg_tenancy_keep_rows);
Datum pg_tenancy_keep_rows(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "keep_rows")));
  if (!is_exempt())
    check_no_held_rows(RelationGetRelid(reinterpret_cast<TriggerData *>(fcinfo->context)->tg_relation));
  return Datum{0};
}

// A table that no longer follows the settings by its parent keeps its triggers, and these their names of
// columns: another column that takes such a name would say whose its rows are.
PG_FUNCTION_INFO_V1(pg_tenancy_keeps_by_column);
Datum pg_tenancy_keeps_by_column(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *column = NameStr(*PG_GETARG_NAME(1));
  const Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
  const Trigger *trigger = keeping_trigger(relation);
  relation_close(relation, NoLock);
  if (trigger == nullptr) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(strcmp(column, "received_at") == 0 || strcmp(column, trigger->tgargs[1]) == 0 ||
                 strcmp(column, trigger->tgargs[2]) == 0 || keeps_content(*trigger, column));
}

// Where other columns are to say whose a row is, or fewer to hold content: rows would leave their hold. And
// where a column of content is renamed: two that swap their names say something else. Arguments: the table,
// columns of organization, workspace and content, and a column's former and new name.
PG_FUNCTION_INFO_V1(pg_tenancy_check_kept_place);
Datum pg_tenancy_check_kept_place(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid oid = PG_GETARG_OID(0);
  const Relation relation = relation_open(oid, AccessShareLock);
  const Trigger *trigger = keeping_trigger(relation);
  const auto is_same = [&](int argument) {
    const char *former = trigger->tgargs[argument], *now = NameStr(*PG_GETARG_NAME(argument));
    const bool is_renamed = !PG_ARGISNULL(4) && strcmp(former, NameStr(*PG_GETARG_NAME(4))) == 0;
    return strcmp(is_renamed ? NameStr(*PG_GETARG_NAME(5)) : former, now) == 0;
  };
  const bool keeps_all =
      trigger == nullptr || (is_same(1) && is_same(2) &&
                             (PG_ARGISNULL(4) || !keeps_content(*trigger, NameStr(*PG_GETARG_NAME(4)))) &&
                             !loses_content(relation, *trigger, PG_GETARG_ARRAYTYPE_P(3)));
  relation_close(relation, NoLock);
  if (!keeps_all) check_no_held_rows_below(oid);
  PG_RETURN_VOID();
}

// Event trigger, before a table is rewritten: another type can leave nothing of a column's values. In a
// catalog, other values would come without its triggers: unaudited, and without what follows from them.
PG_FUNCTION_INFO_V1(pg_tenancy_refuse_rewriting);
Datum pg_tenancy_refuse_rewriting(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) elog(ERROR, "refuse_rewriting: not called by event trigger manager");
  const int reason = DatumGetInt32(OidFunctionCall0(F_PG_EVENT_TRIGGER_TABLE_REWRITE_REASON));
  const Oid table = DatumGetObjectId(OidFunctionCall0(F_PG_EVENT_TRIGGER_TABLE_REWRITE_OID));
  const bool becomes_unlogged =
      (reason & AT_REWRITE_ALTER_PERSISTENCE) != 0 && get_rel_persistence(table) == RELPERSISTENCE_PERMANENT;
  if (((reason & AT_REWRITE_COLUMN_REWRITE) == 0 && !becomes_unlogged) || is_exempt()) return Datum(0);
  if (!creating_extension && is_of_extension(table))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" of pg_tenancy cannot be rewritten", get_rel_name(table)),
                    errdetail("Its rows would change without its triggers."), errhint("Use UPDATE.")));
  check_no_held_rows(table);
  // Without a held row as well: later ones would not be kept.
  if (becomes_unlogged && has_keeping_trigger(table))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" must stay LOGGED", get_rel_name(table)),
                    errdetail("It follows the logging settings, and would be empty after a crash."),
                    errhint("Use tenancy.ignore_logging_settings() if it is no longer to follow them.")));
  return Datum(0);
}

// A renamed value of an enum is no access to an object, and attributes that have swapped their names say
// something else: of a type, or of a table or view whose rows are values elsewhere, with those that have its
// columns. Judged when they have been renamed, by what the server has found by the name. RETURNS whether it
// was such a command.
PG_FUNCTION_INFO_V1(pg_tenancy_check_renamed_value);
Datum pg_tenancy_check_renamed_value(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const auto *command = reinterpret_cast<const CollectedCommand *>(PG_GETARG_POINTER(0));
  if (is_exempt() || command->type != SCT_Simple) PG_RETURN_BOOL(false);
  const Oid object = command->d.simple.address.objectId;
  if (IsA(command->parsetree, AlterEnumStmt)) {
    if (reinterpret_cast<const AlterEnumStmt *>(command->parsetree)->oldVal == nullptr) PG_RETURN_BOOL(false);
    check_no_held_values(object);
    PG_RETURN_BOOL(true);
  }
  if (!IsA(command->parsetree, RenameStmt)) PG_RETURN_BOOL(false);
  const ObjectType renamed = reinterpret_cast<const RenameStmt *>(command->parsetree)->renameType;
  if (renamed != OBJECT_ATTRIBUTE && renamed != OBJECT_COLUMN) PG_RETURN_BOOL(false);
  const ListCell *cell = nullptr;
  foreach (cell, find_all_inheritors(object, AccessShareLock, nullptr))
    if (const Oid type = get_rel_type_id(lfirst_oid(cell)); OidIsValid(type)) check_no_held_values(type);
  PG_RETURN_BOOL(true);
}

// Event trigger, before each command: that it is called has loaded the module, which watches what is dropped.
// What cannot be refused there is refused here.
PG_FUNCTION_INFO_V1(pg_tenancy_watch_drops);
Datum pg_tenancy_watch_drops(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) elog(ERROR, "watch_drops: not called by event trigger manager");
  examine_command(reinterpret_cast<const EventTriggerData *>(fcinfo->context)->parsetree);
  return Datum(0);
}
}

}  // namespace tenancy::pg
