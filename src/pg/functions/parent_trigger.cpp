// The triggers of child tables and their parents. A child row takes its tenant from the parent row, which
// it locks FOR KEY SHARE; a parent row that moves takes its children along. So that neither misses the
// other, the moving parent is locked FOR UPDATE first, and its children are found with the newest snapshot,
// with the check of a referential action if the transaction's snapshot is older.
//
// Statements run as the owner of the table that they change, who sees all of its rows, as in referential
// actions.

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/functions/changed_keys.hpp"
#include "pg/functions/child_table.hpp"
#include "pg/plan/owner_exemption.hpp"
#include "pg/plan/refused_write.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/printed_plans.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "catalog/partition.h"
#include "utils/datum.h"
#include "utils/rls.h"
#include "utils/typcache.h"
}

namespace tenancy::pg {
namespace {

struct Caller {
  Oid user;
  int context;
  int settings;
};

// Settings that the owner's code changes are the caller's again afterwards: code that follows relies on them,
// such as a function that has set its search_path.
Caller become_owner(Oid relation, int restriction) {
  Caller caller{};
  GetUserIdAndSecContext(&caller.user, &caller.context);
  const Oid owner = owner_of(relation);
  caller.settings = NewGUCNestLevel();
  if (!configuration.guard_rails)
    set_config_option("tenancy.guard_rails", "on", PGC_SUSET, internal_source, GUC_ACTION_SAVE, true, 0,
                      false);
  print_no_plans();
  SetUserIdAndSecContext(owner,
                         caller.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS | restriction);
  return caller;
}

// After an error the end of the (sub)transaction does this.
void become(const Caller &caller) {
  SetUserIdAndSecContext(caller.user, caller.context);
  AtEOXact_GUC(false, caller.settings);
}

enum class Fires {
  before_change,
  before_insert_or_update,
  before_update,
  after_insert_or_update,
  after_update
};

// Fired otherwise, the trigger data lack the rows used here.
TriggerData *called_as_row_trigger(FunctionCallInfo fcinfo, const char *name, Fires fires) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", name)));
  auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" must be fired for a row", name)));
  const bool after = fires == Fires::after_insert_or_update || fires == Fires::after_update;
  if (after ? !TRIGGER_FIRED_AFTER(trigger->tg_event) : !TRIGGER_FIRED_BEFORE(trigger->tg_event))
    ereport(ERROR,
            (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
             errmsg("function \"%s\" must be fired %s the row changes", name, after ? "after" : "before")));
  const bool on_insert = fires == Fires::before_insert_or_update || fires == Fires::after_insert_or_update;
  if (fires != Fires::before_change && !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) &&
      !(on_insert && TRIGGER_FIRED_BY_INSERT(trigger->tg_event)))
    ereport(ERROR,
            (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
             errmsg("function \"%s\" must be fired by %s", name, on_insert ? "INSERT or UPDATE" : "UPDATE")));
  return trigger;
}

// Partitions get copies of their table's triggers.
bool is_part_of(Oid relation, Oid table) {
  return relation == table ||
         (get_rel_relispartition(relation) && list_member_oid(get_partition_ancestors(relation), table));
}

[[noreturn]] void raise_foreign_trigger(const TriggerData *trigger) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("trigger \"%s\" of table \"%s\" was not made by protect()",
                         trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
                  errhint("Drop the trigger.")));
}

// The function changes the child's rows, which is correct only for rows that refer to the trigger's table.
void require_parent(const TriggerData *trigger, const ChildTable &child, int number) {
  if (number >= child.columns.parents ||
      !is_part_of(RelationGetRelid(trigger->tg_relation), child.parents[number].key.relation))
    raise_foreign_trigger(trigger);
}

extern "C" {
static void name_the_child(void *relation) {
  errcontext("table \"%s\" and its parents", get_rel_name(*static_cast<const Oid *>(relation)));
}
}

// An error inside gets the table's name as context.
struct Context {
  ErrorContextCallback callback;
  Oid relation;
};

void enter(Context &context, Oid relation) {
  context.relation = relation;
  context.callback = {error_context_stack, name_the_child, &context.relation};
  error_context_stack = &context.callback;
}

void leave(const Context &context) { error_context_stack = context.callback.previous; }

// Not restricted, and at the end of the writer's transaction perhaps, runs what the child's owner has there.
// The parent's could have it run anyway.
void require_one_owner(FunctionCallInfo fcinfo, const ChildTable &child) {
  // Examined once for a statement
  if (fcinfo->flinfo->fn_extra != nullptr) return;
  const Oid parent = child.parents[0].key.relation;
  if (const Oid other = find_other_owner(child.relation, parent, RowExclusiveLock); OidIsValid(other))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the owner of table \"%s\" is not the owner of table \"%s\"", get_rel_name(other),
                           get_rel_name(parent)),
                    errdetail("Its rows move with their parents, by which code of its owner would run."),
                    errhint("Use ALTER TABLE ... OWNER TO, so that both have one owner.")));
  fcinfo->flinfo->fn_extra = fcinfo->flinfo;
}

void require_protected(FunctionCallInfo fcinfo, const TriggerData *trigger) {
  // Examined once for a statement
  if (fcinfo->flinfo->fn_extra != nullptr) return;
  if (!read_protected_table(RelationGetRelid(trigger->tg_relation)).found) raise_foreign_trigger(trigger);
  fcinfo->flinfo->fn_extra = fcinfo->flinfo;
}

void check_result(int result, int expected) {
  if (result != expected) elog(ERROR, "SPI_execute_snapshot returned %s", SPI_result_code_string(result));
}

int parent_argument(const Trigger &trigger) {
  const int parent = trigger.tgnargs == 1 ? pg_strtoint32(trigger.tgargs[0]) : -1;
  if (parent < 0 || parent >= max_parents) elog(ERROR, "trigger \"%s\" has been changed", trigger.tgname);
  return parent;
}

// Locks the parent row FOR KEY SHARE; its columns are in SPI_tuptable if it exists.
bool read_parent_row(ChildTable &child, int parent, Datum key) {
  const Caller caller = become_owner(child.parents[parent].key.relation, SECURITY_RESTRICTED_OPERATION);
  check_result(SPI_execute_snapshot(read_plan(child, parent), &key, nullptr, InvalidSnapshot, InvalidSnapshot,
                                    false, false, 1),
               SPI_OK_SELECT);
  become(caller);
  return SPI_processed > 0;
}

// Of a query that is exempt from forced row security (a referential action, or rows that move with their
// parents), what runs as the owner, of the table or of the one that it is a partition of, is not refused.
bool is_refusable(Relation relation) {
  const Oid oid = RelationGetRelid(relation);
  if (check_enable_rls(oid, InvalidOid, true) != RLS_ENABLED) return false;
  if (!may_be_exempt()) return true;
  const Oid user = GetUserId();
  if (relation->rd_rel->relowner == user) return false;
  if (!relation->rd_rel->relispartition) return true;
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(llast_oid(get_partition_ancestors(oid))));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for the partitioned table");
  const bool owns_whole = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner == user;
  ReleaseSysCache(row);
  return !owns_whole;
}

// A lock can be observed, and delays a session that deletes the row. Where row security applies to the
// writer, a parent with which the row would be refused is not locked, and counts as missing.
bool lock_acceptable_parent(Relation relation, ChildTable &child, int parent, Datum key) {
  if (is_refusable(relation)) {
    const Caller caller = become_owner(child.parents[parent].key.relation, SECURITY_RESTRICTED_OPERATION);
    check_result(SPI_execute_snapshot(accepted_plan(child, parent), &key, nullptr, InvalidSnapshot,
                                      InvalidSnapshot, false, false, 1),
                 SPI_OK_SELECT);
    become(caller);
    if (SPI_processed == 0) return false;
  }
  return read_parent_row(child_table(RelationGetRelid(relation)), parent, key);
}

[[noreturn]] void raise_missing_parent(Relation relation, const ChildTable &child) {
  ereport(ERROR, (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
                  errmsg("insert or update on table \"%s\" refers to a row that does not exist",
                         RelationGetRelationName(relation)),
                  errdetail("Column \"%s\" refers to no row of table \"%s\".",
                            get_attname(child.relation, child.columns.keys[0], false),
                            get_rel_name(child.parents[0].key.relation)),
                  errhint("A row that takes its tenant from another can only be written after that one.")));
  pg_unreachable();
}

[[noreturn]] void raise_strange(
    Oid child, Oid parent,
    const char *hint = "Delete the row, or move its parents in the same transaction.") {
  ereport(ERROR, (errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
                  errmsg("a row of table \"%s\" would belong to two tenants", get_rel_name(child)),
                  errdetail("Its parent in table \"%s\" is another tenant's.", get_rel_name(parent)),
                  errhint("%s", hint)));
}

// Logical replication, and whoever may pretend to be it, writes what was right where it comes from, and the
// server checks no foreign key of it: the parent may come later, or stay away.
bool comes_with_tenant(Relation relation, const ChildTable &child, HeapTuple row) {
  return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA &&
         child.compared_column != InvalidAttrNumber &&
         !heap_attisnull(row, child.compared_column, RelationGetDescr(relation));
}

bool says_already(Relation relation, HeapTuple row, int count, const int *numbers, const Datum *values,
                  const bool *nulls) {
  for (int i = 0; i < count; i++) {
    bool is_null = false;
    const Datum own = heap_getattr(row, numbers[i], RelationGetDescr(relation), &is_null);
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), numbers[i] - 1);
    if (is_null != nulls[i] ||
        (!is_null && !datum_image_eq(own, values[i], attribute->attbyval, attribute->attlen)))
      return false;
  }
  return true;
}

// Whether a referential action gives the row another key, that of the parent that it has already. By then
// that key can be another row's.
bool follows_key(const TriggerData *trigger, AttrNumber column) {
  if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) || !may_be_exempt()) return false;
  const TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
  bool was_null = false, is_null = false;
  const Datum before = heap_getattr(trigger->tg_trigtuple, column, descriptor, &was_null);
  const Datum now = heap_getattr(trigger->tg_newtuple, column, descriptor, &is_null);
  const Form_pg_attribute attribute = TupleDescAttr(descriptor, column - 1);
  return !is_null && (was_null || !datum_image_eq(before, now, attribute->attbyval, attribute->attlen));
}

// Returns the row with its parent's columns, in the caller's memory context. Without a parent it would belong
// to nobody: it is refused here, with the error of a policy, which would not be asked of a row that is
// written through a view whose owner bypasses row security. Without row security, the foreign key might
// refuse it only at the end of the transaction, when the parent exists and the row still lacks its tenant.
HeapTuple with_columns_of_parent(Relation relation, ChildTable &child, HeapTuple row, Datum key,
                                 bool inserted, bool follows) {
  const bool found = lock_acceptable_parent(relation, child, 0, key);
  if (!found && check_enable_rls(RelationGetRelid(relation), InvalidOid, true) != RLS_ENABLED) {
    if (comes_with_tenant(relation, child, row)) return row;
    raise_missing_parent(relation, child);
  }
  int numbers[id_column_count];
  Datum values[id_column_count]{};
  bool nulls[id_column_count];
  int count = 0;
  for (const AttrNumber column : child.columns.copies) {
    if (column == InvalidAttrNumber) continue;
    numbers[count] = column;
    nulls[count] = true;
    if (found)
      values[count] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, count + 1, &nulls[count]);
    count++;
  }
  // As it refers to its parent after a referential action
  if (found && follows && !says_already(relation, row, count, numbers, values, nulls))
    raise_strange(child.relation, child.parents[0].key.relation,
                  "Change the key of a parent, and whose it is, one after the other.");
  HeapTuple taken = heap_modify_tuple_by_cols(row, RelationGetDescr(relation), count, numbers, values, nulls);
  if (!found) raise_row_without_parent(relation, taken, inserted ? Command::insert : Command::update);
  return SPI_copytuple(taken);
}

// A column's value in a row of the relation or of a partition, whose column numbers may differ.
Datum value_of(const Relation relation, HeapTuple row, Oid named_in, AttrNumber column, bool *is_null) {
  const AttrNumber number =
      RelationGetRelid(relation) == named_in
          ? column
          : get_attnum(RelationGetRelid(relation), get_attname(named_in, column, false));
  if (number == InvalidAttrNumber) elog(ERROR, "a partition lacks a column");
  return heap_getattr(row, number, RelationGetDescr(relation), is_null);
}

// As in the server's own referential actions: rows newer than the transaction's snapshot are found, and
// raise 40001.
struct Snapshots {
  Snapshot newest;
  Snapshot crosscheck;
};

Snapshots snapshots_for_children() {
  if (!IsolationUsesXactSnapshot()) return {InvalidSnapshot, InvalidSnapshot};
  CommandCounterIncrement();  // sees this transaction's own changes
  return {GetLatestSnapshot(), GetTransactionSnapshot()};
}

// Whether the row version of a deferred trigger call still exists.
bool is_gone(const TriggerData *trigger, TupleTableSlot *slot) {
  return !table_tuple_satisfies_snapshot(trigger->tg_relation, slot, SnapshotSelf);
}

// For a row of a child table: its other parents must belong to its tenant.
void check_row_of_child(TriggerData *trigger, HeapTuple row) {
  const Oid relation = RelationGetRelid(trigger->tg_relation);
  const int parents = child_table(relation).columns.parents;
  for (int i = 1; i < parents; i++) {
    ChildTable &child = child_table(relation);
    const TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
    bool is_null = false, has_no_tenant = false;
    const Datum key = heap_getattr(row, child.columns.keys[i], descriptor, &is_null);
    if (is_null || !read_parent_row(child, i, key)) continue;
    const Datum theirs = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    const Datum own = heap_getattr(row, child.compared_column, descriptor, &has_no_tenant);
    if (is_null || has_no_tenant) continue;  // shared, or visible to no principal
    const Form_pg_attribute attribute = TupleDescAttr(descriptor, child.compared_column - 1);
    if (!datum_image_eq(theirs, own, attribute->attbyval, attribute->attlen))
      raise_strange(relation, child.parents[i].key.relation);
  }
}

Oid topmost(Relation relation) {
  const Oid oid = RelationGetRelid(relation);
  return relation->rd_rel->relispartition ? llast_oid(get_partition_ancestors(oid)) : oid;
}

bool changes_key(const TriggerData *trigger, const ChildTable &child, int number) {
  const ParentKey &key = child.parents[number].key;
  bool was_null = false, is_null = false;
  const Datum before =
      value_of(trigger->tg_relation, trigger->tg_trigtuple, key.relation, key.referenced, &was_null);
  const Datum now =
      value_of(trigger->tg_relation, trigger->tg_newtuple, key.relation, key.referenced, &is_null);
  int16 length = 0;
  bool by_value = false;
  get_typlenbyval(get_atttype(key.relation, key.referenced), &length, &by_value);
  return was_null != is_null || (!is_null && !datum_image_eq(before, now, by_value, length));
}

// As the key's own equality has it, else as it is stored
uint64 hash_of(const TriggerData *trigger, HeapTuple row, Oid named_in, AttrNumber column, uint64 seed) {
  bool is_null = false;
  const Datum value = value_of(trigger->tg_relation, row, named_in, column, &is_null);
  if (is_null) return hash_combine64(seed, 0);
  Oid type = InvalidOid, collation = InvalidOid;
  int32 modifier = -1;
  get_atttypetypmodcoll(named_in, column, &type, &modifier, &collation);
  TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
  if (OidIsValid(entry->hash_extended_proc_finfo.fn_oid))
    return DatumGetUInt64(
        FunctionCall2Coll(&entry->hash_extended_proc_finfo, collation, value, UInt64GetDatum(seed)));
  int16 length = 0;
  bool by_value = false;
  get_typlenbyval(type, &length, &by_value);
  return hash_combine64(seed, datum_image_hash(value, by_value, length));
}

ChangedKey describe_key(const TriggerData *trigger, HeapTuple row, const ChildTable &child, int number) {
  const Parent &parent = child.parents[number];
  ChangedKey key{
      {child.relation, number, hash_of(trigger, row, parent.key.relation, parent.key.referenced, 1)}, 0};
  for (int part = 0; part < id_column_count; part++)
    if (number > 0 ? part == child.compared : child.columns.copies[part] != InvalidAttrNumber)
      key.tenant = hash_of(trigger, row, parent.key.relation, parent.columns[part], key.tenant + 1);
  return key;
}

// A row that takes a key, to which rows of another tenant refer since they have lost their parent.
void check_left_children(TriggerData *trigger, HeapTuple row, Oid relation, int number) {
  Context context{};
  enter(context, relation);
  SPI_connect();
  ChildTable &child = child_table(relation);
  require_parent(trigger, child, number);
  const Parent &parent = child.parents[number];
  Datum values[1 + id_column_count];
  char nulls[1 + id_column_count];
  int count = 0;
  const auto add = [&](AttrNumber column) {
    bool is_null = false;
    values[count] = value_of(trigger->tg_relation, row, parent.key.relation, column, &is_null);
    nulls[count++] = is_null ? 'n' : ' ';
  };
  add(parent.key.referenced);
  if (number > 0)
    add(parent.columns[child.compared]);
  else
    for (int part = 0; part < id_column_count; part++)
      if (child.columns.copies[part] != InvalidAttrNumber) add(parent.columns[part]);
  const Oid parent_relation = parent.key.relation;
  const Datum key = values[0];
  const Snapshots snapshots = snapshots_for_children();
  const Caller caller = become_owner(relation, SECURITY_RESTRICTED_OPERATION);
  check_result(SPI_execute_snapshot(left_plan(child, number), values, nulls, snapshots.newest,
                                    InvalidSnapshot, snapshots.newest != InvalidSnapshot, false, 1),
               SPI_OK_SELECT);
  become(caller);
  // A row that has the key already stays what it is: the server refuses another one, or updates it.
  if (SPI_processed > 0 && !read_parent_row(child_table(relation), number, key))
    raise_strange(relation, parent_relation);
  SPI_finish();
  leave(context);
}

// For a row of another parent than the first: its children must belong to its tenant. A row that has been
// changed once more, which need not concern its tenant, is read anew.
void check_row_of_parent(TriggerData *trigger, HeapTuple row, int number, bool is_gone) {
  const Oid relation = trigger->tg_trigger->tgconstrrelid;
  ChildTable &described = child_table(relation);
  require_parent(trigger, described, number);
  const Parent &parent = described.parents[number];
  const Oid parent_relation = parent.key.relation;
  bool is_null = false, has_no_tenant = false;
  Datum values[] = {value_of(trigger->tg_relation, row, parent_relation, parent.key.referenced, &is_null),
                    value_of(trigger->tg_relation, row, parent_relation, parent.columns[described.compared],
                             &has_no_tenant)};
  if (is_null || (is_gone && !read_parent_row(described, number, values[0]))) return;
  if (is_gone) values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &has_no_tenant);
  if (has_no_tenant) return;
  ChildTable &child = child_table(relation);
  const Snapshots snapshots = snapshots_for_children();
  const Caller caller = become_owner(relation, SECURITY_RESTRICTED_OPERATION);
  check_result(SPI_execute_snapshot(strange_plan(child, number), values, nullptr, snapshots.newest,
                                    InvalidSnapshot, snapshots.newest != InvalidSnapshot, false, 1),
               SPI_OK_SELECT);
  become(caller);
  if (SPI_processed > 0) raise_strange(relation, parent_relation);
}

}  // namespace

extern "C" {
// BEFORE INSERT OR UPDATE on the child
PG_FUNCTION_INFO_V1(pg_tenancy_take_from_parent);
Datum pg_tenancy_take_from_parent(PG_FUNCTION_ARGS) {
  TriggerData *trigger = called_as_row_trigger(fcinfo, "take_from_parent", Fires::before_insert_or_update);
  const Relation relation = trigger->tg_relation;
  HeapTuple row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
  Context context{};
  enter(context, RelationGetRelid(relation));
  SPI_connect();
  const int parents = child_table(RelationGetRelid(relation)).columns.parents;
  HeapTuple result = row;
  for (int i = 0; i < parents; i++) {
    ChildTable &child = child_table(RelationGetRelid(relation));
    bool is_null = false;
    const Datum key = heap_getattr(row, child.columns.keys[i], RelationGetDescr(relation), &is_null);
    if (is_null) continue;  // the row keeps its own values
    if (i == 0)
      result = with_columns_of_parent(relation, child, row, key, TRIGGER_FIRED_BY_INSERT(trigger->tg_event),
                                      follows_key(trigger, child.columns.keys[0]));
    else if (!lock_acceptable_parent(relation, child, i, key) && is_refusable(relation))
      // The policy's error, as for the first parent; of the others, the deferred trigger compares the tenant.
      raise_row_without_parent(
          relation, result, TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? Command::insert : Command::update);
  }
  SPI_finish();
  leave(context);
  return PointerGetDatum(result);
}

// BEFORE UPDATE on a parent that moves: waits for sessions that hold it for a new child.
PG_FUNCTION_INFO_V1(pg_tenancy_hold_parent);
Datum pg_tenancy_hold_parent(PG_FUNCTION_ARGS) {
  const TriggerData *trigger = called_as_row_trigger(fcinfo, "hold_parent", Fires::before_update);
  require_protected(fcinfo, trigger);
  TupleTableSlot *slot = table_slot_create(trigger->tg_relation, nullptr);
  TM_FailureData failure{};
  ItemPointerData place = trigger->tg_trigtuple->t_self;
  const TM_Result result =
      table_tuple_lock(trigger->tg_relation, &place, GetActiveSnapshot(), slot, GetCurrentCommandId(true),
                       LockTupleExclusive, LockWaitBlock, 0, &failure);
  ExecDropSingleTupleTableSlot(slot);
  // If the statement itself has changed the row meanwhile, the server raises the error.
  if (result != TM_Ok && result != TM_SelfModified && result != TM_Invisible)
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("could not serialize access due to concurrent update")));
  return PointerGetDatum(trigger->tg_newtuple);
}

// BEFORE INSERT OR UPDATE OR DELETE on a parent
PG_FUNCTION_INFO_V1(pg_tenancy_keep_children);
Datum pg_tenancy_keep_children(PG_FUNCTION_ARGS) {
  TriggerData *trigger = called_as_row_trigger(fcinfo, "keep_children", Fires::before_change);
  require_protected(fcinfo, trigger);
  const bool updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
  HeapTuple row = updated ? trigger->tg_newtuple : trigger->tg_trigtuple;
  const Oid table = topmost(trigger->tg_relation);
  const bool deleted = TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
  const bool may_be_left = has_given_up(table);
  if (deleted) note_given_up(table);
  if (!deleted && !updated && !may_be_left && !are_keys_changing()) return PointerGetDatum(row);
  const TriggerDesc *triggers = trigger->tg_relation->trigdesc;
  for (int i = 0; i < triggers->numtriggers; i++) {
    const Trigger &other = triggers->triggers[i];
    if (!OidIsValid(other.tgconstrrelid)) continue;
    int number = 0;
    if (is_our_function(other.tgfoid, "check_parents"))
      number = parent_argument(other);
    else if (!is_our_function(other.tgfoid, "move_children"))
      continue;
    const ChildTable &child = child_table(other.tgconstrrelid);
    require_parent(trigger, child, number);
    if (deleted) {
      note_changed_key(describe_key(trigger, trigger->tg_trigtuple, child, number));
      continue;
    }
    if (updated && !changes_key(trigger, child, number)) continue;
    if (are_keys_changing() && is_anothers_key(describe_key(trigger, row, child, number)))
      raise_strange(child.relation, child.parents[number].key.relation,
                    "Take a key in a later statement than the one in which another row gives it up.");
    if (updated) {
      note_given_up(table);
      note_changed_key(describe_key(trigger, trigger->tg_trigtuple, child, number));
      note_changed_key(describe_key(trigger, row, child, number));
    }
    if (may_be_left) check_left_children(trigger, row, other.tgconstrrelid, number);
  }
  return PointerGetDatum(row);
}

// AFTER UPDATE on the first parent, FROM the child
PG_FUNCTION_INFO_V1(pg_tenancy_move_children);
Datum pg_tenancy_move_children(PG_FUNCTION_ARGS) {
  TriggerData *trigger = called_as_row_trigger(fcinfo, "move_children", Fires::after_update);
  if (!OidIsValid(trigger->tg_trigger->tgconstrrelid)) raise_foreign_trigger(trigger);
  Context context{};
  enter(context, trigger->tg_trigger->tgconstrrelid);
  SPI_connect();
  ChildTable &child = child_table(trigger->tg_trigger->tgconstrrelid);
  require_parent(trigger, child, 0);
  require_one_owner(fcinfo, child);
  const Parent &parent = child.parents[0];
  Datum values[1 + 2 * id_column_count];
  char nulls[1 + 2 * id_column_count];
  int count = 0;
  const auto add = [&](HeapTuple row, AttrNumber column) {
    bool is_null = false;
    values[count] = value_of(trigger->tg_relation, row, parent.key.relation, column, &is_null);
    nulls[count++] = is_null ? 'n' : ' ';
  };
  add(trigger->tg_newtuple, parent.key.referenced);
  for (HeapTuple row : {trigger->tg_newtuple, trigger->tg_trigtuple})
    for (int part = 0; part < id_column_count; part++)
      if (child.columns.copies[part] != InvalidAttrNumber) add(row, parent.columns[part]);
  const Snapshots snapshots = snapshots_for_children();
  // Not restricted, since the children's own constraints can be deferred.
  const Caller caller = become_owner(child.relation, 0);
  check_result(SPI_execute_snapshot(move_plan(child), values, nulls, snapshots.newest, snapshots.crosscheck,
                                    false, false, 0),
               SPI_OK_UPDATE);
  become(caller);
  SPI_finish();
  leave(context);
  return Datum(0);
}

// At the end of a transaction that wrote a child with several parents, or moved one of them
PG_FUNCTION_INFO_V1(pg_tenancy_check_parents);
Datum pg_tenancy_check_parents(PG_FUNCTION_ARGS) {
  TriggerData *trigger = called_as_row_trigger(fcinfo, "check_parents", Fires::after_insert_or_update);
  const bool updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
  const Oid child = trigger->tg_trigger->tgconstrrelid;
  // The trigger of a link has no condition: the version after this one has its own call.
  const bool gone = is_gone(trigger, updated ? trigger->tg_newslot : trigger->tg_trigslot);
  if (gone && !OidIsValid(child)) return Datum(0);
  HeapTuple row = updated ? trigger->tg_newtuple : trigger->tg_trigtuple;
  Context context{};
  enter(context, OidIsValid(child) ? child : RelationGetRelid(trigger->tg_relation));
  SPI_connect();
  if (OidIsValid(child))
    check_row_of_parent(trigger, row, parent_argument(*trigger->tg_trigger), gone);
  else
    check_row_of_child(trigger, row);
  SPI_finish();
  leave(context);
  return Datum(0);
}

// parent_visible(child, number, key): whether the principal may see that parent. Policies call it if the
// table's own columns don't decide this, for rows that have passed the trigger, which locks the parent.
PG_FUNCTION_INFO_V1(pg_tenancy_parent_visible);
Datum pg_tenancy_parent_visible(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  if (PG_ARGISNULL(2)) PG_RETURN_BOOL(true);
  Oid relation = PG_GETARG_OID(0);
  const int number = PG_GETARG_INT32(1);
  const char relkind = get_rel_relkind(relation);
  if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table does not exist")));
  Context context{};
  enter(context, relation);
  SPI_connect();
  ChildTable &child = child_table(relation);
  if (number < 0 || number >= child.columns.parents ||
      get_fn_expr_argtype(fcinfo->flinfo, 2) != get_atttype(relation, child.columns.keys[number]))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("table \"%s\" has no such parent", get_rel_name(relation))));
  Datum key = PG_GETARG_DATUM(2);
  const Caller caller = become_owner(child.parents[number].key.relation, SECURITY_RESTRICTED_OPERATION);
  check_result(SPI_execute_snapshot(visible_plan(child, number), &key, nullptr, InvalidSnapshot,
                                    InvalidSnapshot, false, false, 1),
               SPI_OK_SELECT);
  become(caller);
  const bool visible = SPI_processed > 0;
  SPI_finish();
  leave(context);
  if (!visible) raise_parent_not_seen(relation);
  PG_RETURN_BOOL(true);
}
}

}  // namespace tenancy::pg
