// Finds rows under a legal hold, whatever command would remove or change them.

#include "pg/functions/held_rows.hpp"

#include <algorithm>

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
}

namespace tenancy::pg {
namespace {

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

}  // namespace

bool keeps_rows(Oid function) {
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

const Trigger *keeping_trigger(Relation relation) {
  // A copy: an invalidation that a look-up receives frees the relation's own.
  const TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger &trigger = triggers->triggers[i];
    if (trigger.tgnargs == 4 && keeps_rows(trigger.tgfoid)) return &trigger;
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

void check_no_held_rows_below(Oid table) {
  const ListCell *cell = nullptr;
  foreach (cell, find_all_inheritors(table, AccessShareLock, nullptr)) check_no_held_rows(lfirst_oid(cell));
}

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

}  // namespace tenancy::pg
