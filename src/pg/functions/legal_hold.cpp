#include "pg/functions/legal_hold.hpp"

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
}

namespace tenancy::pg {
namespace {

object_access_hook_type next_access = nullptr;

// RETURNS whether a trigger with this function keeps rows. Found by its name and schema, and not by an OID
// that is remembered: this runs in the middle of commands, also of those that create or drop the extension.
bool is_keeping(Oid function) {
  HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(row)) return false;
  const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(row));
  const char *name = NameStr(form->proname);
  const bool is_ours =
      (strcmp(name, "keep_row") == 0 || strcmp(name, "receive_row") == 0 || strcmp(name, "keep_rows") == 0) &&
      form->pronamespace == get_namespace_oid("tenancy_internal", true);
  ReleaseSysCache(row);
  return is_ours;
}

// A hold on rows of an organization, in one workspace or (nil) wherever.
struct Hold {
  Uuid organization;
  Uuid workspace;
};

PodArray<Hold> read_holds() {
  PodArray<Hold> holds;
  if (!has_catalog_index(CatalogIndex::logging_settings_key)) return holds;
  CatalogRead read = begin_catalog_read();
  CatalogScan scan = begin_scan(read, CatalogIndex::logging_settings_key, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));)
    if (strcmp(text_column(scan, tuple, attribute::logging_settings::setting), "legal_hold") == 0)
      holds.append({uuid_column(scan, tuple, attribute::logging_settings::organization_id),
                    uuid_column(scan, tuple, attribute::logging_settings::workspace_id)});
  end_scan(scan);
  end_catalog_read(read);
  return holds;
}

// RETURNS an index by which the server finds the values of a uuid column; InvalidOid for none.
Oid index_on(Relation relation, AttrNumber column) {
  Oid found = InvalidOid;
  List *indexes = RelationGetIndexList(relation);
  const ListCell *cell = nullptr;
  foreach (cell, indexes) {
    const Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    if (index->rd_index->indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
        index->rd_index->indkey.values[0] == column &&
        get_opcode(get_opfamily_member(index->rd_opfamily[0], UUIDOID, UUIDOID, BTEqualStrategyNumber)) ==
            F_UUID_EQ &&
        heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))
      found = index->rd_id;
    index_close(index, AccessShareLock);
    if (OidIsValid(found)) break;
  }
  list_free(indexes);
  return found;
}

// Reads the table itself: a query would run code of its owner, who is not the one that asks.
bool has_row(Relation relation, AttrNumber organization, AttrNumber workspace, const Hold &hold) {
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const Oid index = index_on(relation, organization);
  ScanKeyData key;
  equals(&key, organization, hold.organization);
  const SysScanDesc scan = systable_beginscan(relation, index, OidIsValid(index), snapshot, 1, &key);
  bool found = false;
  for (HeapTuple row; !found && HeapTupleIsValid(row = systable_getnext(scan));) {
    CHECK_FOR_INTERRUPTS();
    bool is_null = true;
    Datum value = 0;
    if (hold.workspace && workspace != InvalidAttrNumber)
      value = heap_getattr(row, workspace, RelationGetDescr(relation), &is_null);
    found = !hold.workspace || (!is_null && uuid_of_datum(value) == hold.workspace);
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  return found;
}

// The columns that say whose rows are. A table that no longer follows the settings keeps its triggers, while
// its columns can change.
struct PlaceColumns {
  AttrNumber organization;
  AttrNumber workspace;  // InvalidAttrNumber: the trigger names none
  bool are_known;
};

AttrNumber find_uuid_column(Relation relation, const char *name) {
  const AttrNumber number = get_attnum(RelationGetRelid(relation), name);
  if (number <= 0) return InvalidAttrNumber;
  const auto *attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
  const bool is_stored_id = attribute->attgenerated == '\0' && getBaseType(attribute->atttypid) == UUIDOID;
  return is_stored_id ? number : InvalidAttrNumber;
}

PlaceColumns place_columns(Relation relation, const Trigger *trigger) {
  const char *workspace_name = trigger->tgargs[2];
  const AttrNumber organization = find_uuid_column(relation, trigger->tgargs[1]);
  const AttrNumber workspace =
      *workspace_name == '\0' ? InvalidAttrNumber : find_uuid_column(relation, workspace_name);
  return {organization, workspace,
          organization != InvalidAttrNumber && (*workspace_name == '\0' || workspace != InvalidAttrNumber)};
}

bool has_held_rows(Relation relation) {
  const Trigger *trigger = keeping_trigger(relation);
  if (trigger == nullptr || relation->rd_rel->relkind != RELKIND_RELATION) return false;
  const PlaceColumns columns = place_columns(relation, trigger);
  const PodArray<Hold> holds = read_holds();
  // Without the columns, any row may be of an organization under a hold.
  if (!columns.are_known) return holds.count > 0;
  return std::any_of(holds.span().begin(), holds.span().end(), [&](const Hold &hold) {
    return has_row(relation, columns.organization, columns.workspace, hold);
  });
}

// Of a superuser who has switched the rails off: the last resort.
bool is_exempt() { return !configuration.guard_rails || IsBinaryUpgrade; }

void check_no_held_rows(Oid oid) {
  const Relation relation = try_relation_open(oid, AccessShareLock);
  if (relation == nullptr) return;
  const bool is_held = has_held_rows(relation);
  const char *name = pstrdup(RelationGetRelationName(relation));
  relation_close(relation, NoLock);
  if (is_held)
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("a legal hold keeps rows of table \"%s\"", name),
             errdetail("Until it is lifted, the table cannot be dropped, detached or truncated, nor can its "
                       "columns or its triggers be taken away."),
             errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

// A table and what it consists of; locked until the end of the transaction.
void check_no_held_rows_below(Oid table) {
  const ListCell *cell = nullptr;
  foreach (cell, find_all_inheritors(table, AccessShareLock, nullptr)) check_no_held_rows(lfirst_oid(cell));
}

// Values of a type, wherever a column holds them: also in arrays, domains, other composite types and rows.
void check_no_held_values(Oid type, List *above) {
  if (list_member_oid(above, type)) return;
  above = lappend_oid(list_copy(above), type);
  check_stack_depth();
  PodArray<Oid> tables, types;
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(TypeRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
  const SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (form->classid == TypeRelationId) {
      types.append(form->objid);
    } else if (form->classid == RelationRelationId && form->objsubid > 0) {
      if (get_rel_relkind(form->objid) == RELKIND_RELATION) tables.append(form->objid);
      if (const Oid row_type = get_rel_type_id(form->objid); OidIsValid(row_type)) types.append(row_type);
    }
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
  for (const Oid table : tables.span()) check_no_held_rows(table);
  for (const Oid other : types.span()) check_no_held_values(other, above);
}

struct TriggerRow {
  Oid relation;
  NameData name;
  bool is_keeping;
  bool is_enabled;
  bool is_before_row;
  bool is_ours;
};

bool is_internal(Oid function) {
  return get_func_namespace(function) == get_namespace_oid("tenancy_internal", true);
}

TriggerRow read_trigger(Oid oid) {
  TriggerRow result{};
  const Relation triggers = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
  // As it is now, in the middle of the command that changes it.
  const SysScanDesc scan = systable_beginscan(triggers, TriggerOidIndexId, true, SnapshotSelf, 1, &key);
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    const auto *form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
    result.relation = form->tgrelid;
    result.name = form->tgname;
    result.is_enabled = form->tgenabled == TRIGGER_FIRES_ALWAYS;
    result.is_keeping = is_keeping(form->tgfoid);
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

void examine_trigger(ObjectAccessType access, Oid object) {
  const TriggerRow trigger = read_trigger(object);
  const bool has_our_name = strncmp(NameStr(trigger.name), keeping_name, sizeof(keeping_name) - 1) == 0;
  if (is_exempt()) return;
  if (!trigger.is_keeping) {
    // CREATE OR REPLACE drops nothing.
    if (access == OAT_POST_CREATE && has_our_name)
      ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME),
                      errmsg("trigger name \"%s\" is reserved", NameStr(trigger.name)),
                      errdetail("Triggers of this name have a table follow the logging settings.")));
    if (access != OAT_DROP) refuse_later_trigger(trigger);
  } else if (access == OAT_DROP) {
    // A table that is dropped loses its triggers before itself, and a partition that is detached those of
    // its parent.
    check_no_held_rows(trigger.relation);
  } else if (access == OAT_POST_ALTER && (!trigger.is_enabled || !has_our_name)) {
    check_no_held_rows(trigger.relation);
    // Without a held row as well: later ones would not be kept.
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("trigger \"%s\" of table \"%s\" must stay enabled always, and keep its name",
                    NameStr(trigger.name), get_rel_name(trigger.relation)),
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
    if (const Oid type = get_rel_type_id(object); OidIsValid(type)) check_no_held_values(type, NIL);
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

// Refusals before a command begins: a first transaction of its own has been committed when the server takes
// the triggers away, and a renamed value of an enum is no access to an object. Whoever may not run the
// command gets the server's error: whether rows are held is not for everybody.
void examine_command(const Node *command) {
  if (command == nullptr || is_exempt()) return;
  if (IsA(command, AlterEnumStmt)) {
    const auto *enumeration = reinterpret_cast<const AlterEnumStmt *>(command);
    if (enumeration->oldVal == nullptr) return;
    const Oid type = LookupTypeNameOid(nullptr, makeTypeNameFromNameList(enumeration->typeName), true);
    if (OidIsValid(type) && owns_type(type, GetUserId())) check_no_held_values(type, NIL);
  } else if (IsA(command, AlterTableStmt)) {
    const auto *statement = reinterpret_cast<const AlterTableStmt *>(command);
    const ListCell *cell = nullptr;
    foreach (cell, statement->cmds) {
      const auto *part = static_cast<const AlterTableCmd *>(lfirst(cell));
      if (part->subtype != AT_DetachPartition || part->def == nullptr || !IsA(part->def, PartitionCmd))
        continue;
      const auto *partition = reinterpret_cast<const PartitionCmd *>(part->def);
      if (!partition->concurrent) continue;
      const Oid table = partition_to_detach(statement->relation, partition->name);
      if (OidIsValid(table)) check_no_held_rows_below(table);
    }
  }
}

bool is_among(const char *name, ArrayType *names) {
  Datum *elements = nullptr;
  int count = 0;
  deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, nullptr, &count);
  return std::any_of(elements, elements + count,
                     [&](Datum element) { return strcmp(NameStr(*DatumGetName(element)), name) == 0; });
}

// RETURNS whether a column that the trigger keeps is not among the names. One that is gone held nothing.
bool loses_content(Relation relation, const Trigger &trigger, ArrayType *names) {
  const Datum content = DirectFunctionCall1(jsonb_in, CStringGetDatum(trigger.tgargs[3]));
  const TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts; i++) {
    const auto *attribute = TupleDescAttr(descriptor, i);
    const char *name = NameStr(attribute->attname);
    if (!attribute->attisdropped && !is_among(name, names) &&
        DatumGetBool(DirectFunctionCall2(jsonb_exists, content, PointerGetDatum(cstring_to_text(name)))))
      return true;
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

const Trigger *keeping_trigger(Relation relation) {
  // A copy: an invalidation that a look-up receives frees the relation's own.
  const TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger &trigger = triggers->triggers[i];
    if (trigger.tgnargs == 4 && is_keeping(trigger.tgfoid)) return &trigger;
  }
  return nullptr;
}

bool is_held_row(Relation relation, HeapTuple row) {
  const Trigger *trigger = keeping_trigger(relation);
  if (trigger == nullptr) return false;
  const PlaceColumns columns = place_columns(relation, trigger);
  const PodArray<Hold> holds = read_holds();
  if (holds.count == 0 || !columns.are_known) return holds.count > 0;
  bool of_none = true, in_none = true;
  const Datum its_organization =
      heap_getattr(row, columns.organization, RelationGetDescr(relation), &of_none);
  const Datum its_workspace =
      columns.workspace == InvalidAttrNumber
          ? Datum{}
          : heap_getattr(row, columns.workspace, RelationGetDescr(relation), &in_none);
  return !of_none && std::any_of(holds.span().begin(), holds.span().end(), [&](const Hold &hold) {
    return hold.organization == uuid_of_datum(its_organization) &&
           (!hold.workspace || (!in_none && hold.workspace == uuid_of_datum(its_workspace)));
  });
}

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
  return PointerGetDatum(nullptr);
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
                 strcmp(column, trigger->tgargs[2]) == 0 ||
                 DatumGetBool(DirectFunctionCall2(
                     jsonb_exists, DirectFunctionCall1(jsonb_in, CStringGetDatum(trigger->tgargs[3])),
                     PointerGetDatum(cstring_to_text(column)))));
}

// Where other columns are to say whose a row is, or fewer to hold content: rows would leave their hold.
PG_FUNCTION_INFO_V1(pg_tenancy_check_kept_place);
Datum pg_tenancy_check_kept_place(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Oid oid = PG_GETARG_OID(0);
  const Relation relation = relation_open(oid, AccessShareLock);
  const Trigger *trigger = keeping_trigger(relation);
  const bool keeps_all =
      trigger == nullptr || (strcmp(trigger->tgargs[1], NameStr(*PG_GETARG_NAME(1))) == 0 &&
                             strcmp(trigger->tgargs[2], NameStr(*PG_GETARG_NAME(2))) == 0 &&
                             !loses_content(relation, *trigger, PG_GETARG_ARRAYTYPE_P(3)));
  relation_close(relation, NoLock);
  if (!keeps_all) check_no_held_rows_below(oid);
  PG_RETURN_VOID();
}

// Event trigger, before a table is rewritten: another type can leave nothing of a column's values.
PG_FUNCTION_INFO_V1(pg_tenancy_refuse_rewriting);
Datum pg_tenancy_refuse_rewriting(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) elog(ERROR, "refuse_rewriting: not called by event trigger manager");
  const int reason = DatumGetInt32(OidFunctionCall0(F_PG_EVENT_TRIGGER_TABLE_REWRITE_REASON));
  const Oid table = DatumGetObjectId(OidFunctionCall0(F_PG_EVENT_TRIGGER_TABLE_REWRITE_OID));
  const bool becomes_unlogged =
      (reason & AT_REWRITE_ALTER_PERSISTENCE) != 0 && get_rel_persistence(table) == RELPERSISTENCE_PERMANENT;
  if (((reason & AT_REWRITE_COLUMN_REWRITE) == 0 && !becomes_unlogged) || is_exempt()) return Datum(0);
  check_no_held_rows(table);
  // Without a held row as well: later ones would not be kept.
  if (becomes_unlogged && has_keeping_trigger(table))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" must stay LOGGED", get_rel_name(table)),
                    errdetail("It follows the logging settings, and would be empty after a crash."),
                    errhint("Use tenancy.ignore_logging_settings() if it is no longer to follow them.")));
  return Datum(0);
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
