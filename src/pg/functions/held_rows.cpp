// Finds rows under a legal hold, whatever command would remove or change them.

#include "pg/functions/held_rows.hpp"

#include <algorithm>

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/functions/altered_table.hpp"
#include "pg/functions/hold_locks.hpp"
#include "pg/functions/kept_rules.hpp"
#include "pg/functions/type_uses.hpp"
#include "pg/functions/unheld_changes.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/pod_array.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
}

namespace tenancy::pg {
namespace {

bool has_hold() { return list_holds(1).count > 0; }

// RETURNS an index by which the server finds the values of a uuid column; InvalidOid for none.
Oid index_on(Relation relation, AttrNumber column) {
  Oid found = InvalidOid;
  if (column == InvalidAttrNumber) return found;
  List *indexes = RelationGetIndexList(relation);
  const ListCell *cell = nullptr;
  foreach (cell, indexes) {
    const Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    // While an index is made anew, the server reads the table instead, without finding a NULL.
    if (index->rd_index->indisvalid && !ReindexIsProcessingIndex(index->rd_id) &&
        index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indkey.values[0] == column &&
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

bool is_ascending(Oid oid) {
  const Relation index = index_open(oid, AccessShareLock);
  const bool result = (index->rd_indoption[0] & INDOPTION_DESC) == 0;
  index_close(index, AccessShareLock);
  return result;
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

// '' for no column.
PlaceColumns place_columns(Relation relation, const char *organization_name, const char *workspace_name) {
  const auto find = [&](const char *name) {
    return *name == '\0' ? InvalidAttrNumber : find_uuid_column(relation, name);
  };
  const AttrNumber organization = find(organization_name), workspace = find(workspace_name);
  const bool lacks_organization = organization == InvalidAttrNumber && *organization_name != '\0';
  const bool lacks_workspace = workspace == InvalidAttrNumber && *workspace_name != '\0';
  return {organization, workspace,
          !lacks_organization && !lacks_workspace &&
              (organization != InvalidAttrNumber || workspace != InvalidAttrNumber)};
}

Place place_in(const PlaceColumns &columns, HeapTuple row, TupleDesc descriptor) {
  const auto id = [&](AttrNumber column) {
    bool is_null = true;
    const Datum value = column == InvalidAttrNumber ? 0 : heap_getattr(row, column, descriptor, &is_null);
    return is_null ? Uuid{} : uuid_of_datum(value);
  };
  return {id(columns.organization), id(columns.workspace)};
}

// The server's own hash table: many holds cost a row no more than one.
HTAB *hash_holds(const PodArray<Hold> &holds) {
  HASHCTL control{};
  control.keysize = sizeof(Hold);
  control.entrysize = sizeof(Hold);
  control.hcxt = CurrentMemoryContext;
  HTAB *hash = hash_create("legal holds", holds.count, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  for (const Hold &hold : holds.span()) hash_search(hash, &hold, HASH_ENTER, nullptr);
  return hash;
}

// Of one command: read at most once, after all of its tables are locked. In memory of the current context.
struct Holds {
  bool are_read = false;
  PodArray<Hold> list{};
  HTAB *hash = nullptr;  // of the same
};

void read_holds(Holds *holds) {
  if (holds->are_read) return;
  holds->are_read = true;
  holds->list = list_holds(INT_MAX);
  if (holds->list.count > 0) holds->hash = hash_holds(holds->list);
}

bool is_among(HTAB *holds, const Hold &hold) {
  return hash_search(holds, &hold, HASH_FIND, nullptr) != nullptr;
}

// Rows of a table, judged by the columns that say whose they are.
struct Search {
  Relation relation;
  TupleDesc descriptor;  // by which they are stored
  PlaceColumns columns;
  Oid index;  // on the organization; InvalidOid for none
  HTAB *holds;
};

// Reads the table itself: a query would run code of its owner, who is not the one that asks. Without a key,
// it reads all rows.
bool finds_held_row(const Search &search, ScanKey key) {
  CatalogRead read = begin_catalog_read();
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const SysScanDesc scan = key == nullptr
                               ? systable_beginscan(search.relation, InvalidOid, false, snapshot, 0, nullptr)
                               : begin_index_scan(search.relation, search.index, snapshot, 1, key);
  bool found = false;
  Place last{};
  Uuid organization{};
  for (HeapTuple row; !found && HeapTupleIsValid(row = systable_getnext(scan));) {
    CHECK_FOR_INTERRUPTS();
    const Place place = place_in(search.columns, row, search.descriptor);
    if (place.organization != last.organization || place.workspace != last.workspace)
      organization = organization_of(read, place);
    last = place;
    found = organization && (is_among(search.holds, {organization, {}}) ||
                             (place.workspace && is_among(search.holds, {organization, place.workspace})));
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  end_catalog_read(read);
  return found;
}

bool is_stored_id(TupleDesc descriptor, AttrNumber column) {
  return column == InvalidAttrNumber ||
         getBaseType(TupleDescAttr(descriptor, column - 1)->atttypid) == UUIDOID;
}

bool has_held_rows(Relation relation, const PlaceColumns &columns, Holds *holds) {
  read_holds(holds);
  const PodArray<Hold> &list = holds->list;
  // Without the columns, any row may be of an organization under a hold.
  if (list.count == 0 || !columns.are_known) return list.count > 0;
  const TupleDesc descriptor = stored_descriptor(relation);
  const bool is_altered = descriptor != RelationGetDescr(relation);
  if (is_altered &&
      !(is_stored_id(descriptor, columns.organization) && is_stored_id(descriptor, columns.workspace)))
    return true;
  const Search search{relation, descriptor, columns,
                      is_altered ? InvalidOid : index_on(relation, columns.organization), holds->hash};
  bool found = false;
  if (!OidIsValid(search.index)) {
    found = finds_held_row(search, nullptr);
  } else {
    ScanKeyData key;
    if (columns.workspace != InvalidAttrNumber) {
      is_null(&key, columns.organization);
      found = finds_held_row(search, &key);
    }
    for (int i = 0; !found && i < list.count; i++) {
      if (i > 0 && list.items[i].organization == list.items[i - 1].organization) continue;
      equals(&key, columns.organization, list.items[i].organization);
      found = finds_held_row(search, &key);
    }
  }
  return found;
}

bool follows_settings(Relation relation) {
  return relation->rd_rel->relkind == RELKIND_RELATION && keeping_trigger(relation) != nullptr;
}

bool has_held_rows(Relation relation, Holds *holds) {
  if (!follows_settings(relation)) return false;
  const Trigger *trigger = keeping_trigger(relation);
  return has_held_rows(relation, place_columns(relation, trigger->tgargs[1], trigger->tgargs[2]), holds);
}

// RETURNS false where that would take long.
bool list_organizations(Relation relation, const PlaceColumns &columns, PodArray<Uuid> *organizations) {
  constexpr int most = 10'000;
  const bool is_altered = stored_descriptor(relation) != RelationGetDescr(relation);
  const Oid index = columns.are_known && !is_altered ? index_on(relation, columns.organization) : InvalidOid;
  if (!OidIsValid(index) || !is_ascending(index)) return false;
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  bool goes_on = true, is_known = true;
  // From one organization to the next one, in the order of the index
  while (goes_on && is_known) {
    CHECK_FOR_INTERRUPTS();
    ScanKeyData key;
    const bool is_first = organizations->count == 0;
    if (!is_first)
      ScanKeyInit(&key, columns.organization, BTGreaterStrategyNumber, F_UUID_GT,
                  uuid_datum(organizations->items[organizations->count - 1]));
    const SysScanDesc scan = begin_index_scan(relation, index, snapshot, is_first ? 0 : 1, &key);
    const HeapTuple row = systable_getnext(scan);
    goes_on = HeapTupleIsValid(row);
    if (goes_on) {
      const Uuid organization = place_in(columns, row, RelationGetDescr(relation)).organization;
      is_known = organization && organizations->count < most;
      organizations->append(organization);
    }
    systable_endscan(scan);
  }
  if (is_known && columns.workspace != InvalidAttrNumber) {
    ScanKeyData key;
    is_null(&key, columns.organization);
    const SysScanDesc scan = begin_index_scan(relation, index, snapshot, 1, &key);
    is_known = !HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
  }
  UnregisterSnapshot(snapshot);
  return is_known;
}

// Of a table that follows the settings
struct Organizations {
  PodArray<Uuid> list;
  bool are_known;
};

Organizations organizations_in(Relation relation) {
  const Trigger *trigger = keeping_trigger(relation);
  Organizations found{};
  found.are_known = list_organizations(
      relation, place_columns(relation, trigger->tgargs[1], trigger->tgargs[2]), &found.list);
  return found;
}

void note_unheld(Relation relation, const Holds &holds) {
  const Organizations organizations = organizations_in(relation);
  note_unheld_table(holds.list.span(), organizations.list.span(), !organizations.are_known);
}

bool keep_holds_away_from(Relation relation) {
  if (!follows_settings(relation)) return true;
  const Organizations organizations = organizations_in(relation);
  if (!organizations.are_known) return keep_all_holds_away();
  return std::all_of(organizations.list.span().begin(), organizations.list.span().end(), keep_holds_away);
}

void raise_held(const char *table) {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("a legal hold keeps rows of table \"%s\"", table),
           errdetail("Until it is lifted, the table cannot be dropped, detached or truncated, nor can its "
                     "columns or its triggers be taken away, nor columns of content be renamed."),
           errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

void check_no_held_rows(Oid oid, Holds *holds) {
  const Relation relation = try_relation_open(oid, AccessShareLock);
  if (relation == nullptr) return;
  const bool is_held = has_held_rows(relation, holds);
  if (!is_held && follows_settings(relation)) note_unheld(relation, *holds);
  const char *name = pstrdup(RelationGetRelationName(relation));
  relation_close(relation, NoLock);
  if (is_held) raise_held(name);
}

// A table and what it consists of, locked until the end of the transaction; the table first, as by queries.
List *lock_family(Oid table) {
  LockRelationOid(table, AccessShareLock);
  return find_all_inheritors(table, AccessShareLock, nullptr);
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
  // The last by name: where a partition has one of its own after its parent's, that names all content.
  for (int i = triggers == nullptr ? 0 : triggers->numtriggers; i-- > 0;) {
    const Trigger &trigger = triggers->triggers[i];
    if (trigger.tgnargs == 4 && keeps_rows(trigger.tgfoid)) return &trigger;
  }
  return nullptr;
}

bool keeps_content_of(const Trigger &trigger, const Trigger &other) {
  const auto content = [](const Trigger &of) {
    return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(of.tgargs[3])));
  };
  Jsonb *kept = content(trigger);
  JsonbIterator *columns = JsonbIteratorInit(&content(other)->root);
  JsonbValue part;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&columns, &part, true)) != WJB_DONE;)
    if (token == WJB_KEY && findJsonbValueFromContainer(&kept->root, JB_FOBJECT, &part) == nullptr)
      return false;
  return true;
}

bool is_held_row(Relation relation, HeapTuple row) {
  const Trigger *trigger = keeping_trigger(relation);
  if (trigger == nullptr || !has_catalog_index(CatalogIndex::logging_settings_key)) return false;
  const PlaceColumns columns = place_columns(relation, trigger->tgargs[1], trigger->tgargs[2]);
  if (!columns.are_known) return has_hold();
  return read_rules(place_in(columns, row, RelationGetDescr(relation)), DT_NOEND).is_held;
}

void check_no_held_rows(Oid table) {
  Holds holds;
  check_no_held_rows(table, &holds);
}

void check_no_held_rows_below(Oid table) {
  Holds holds;
  const ListCell *cell = nullptr;
  foreach (cell, lock_family(table)) check_no_held_rows(lfirst_oid(cell), &holds);
}

// Values of a type change without a lock on the tables that have them: rows must not come meanwhile.
static void lock_kept_rows(Oid table) {
  LockRelationOid(table, AccessShareLock);
  const Relation relation = try_relation_open(table, NoLock);
  if (relation == nullptr) return;
  const bool is_kept = follows_settings(relation);
  relation_close(relation, NoLock);
  if (is_kept) LockRelationOid(table, ShareLock);
}

void check_no_held_values(Oid type) {
  if (!has_catalog_index(CatalogIndex::logging_settings_key)) return;
  const PodArray<Oid> tables = tables_with_type(type);
  for (const Oid table : tables.span()) lock_kept_rows(table);
  Holds holds;
  for (const Oid table : tables.span()) check_no_held_rows(table, &holds);
}

extern "C" {
// has_kept_rows(relation, organization_column, workspace_column): of a table and what it consists of, by
// these columns and by those of triggers. '' for no column.
PG_FUNCTION_INFO_V1(pg_tenancy_has_kept_rows);
Datum pg_tenancy_has_kept_rows(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *organization = NameStr(*PG_GETARG_NAME(1)), *workspace = NameStr(*PG_GETARG_NAME(2));
  bool found = false;
  Holds holds;
  const ListCell *cell = nullptr;
  foreach (cell, lock_family(PG_GETARG_OID(0))) {
    const Relation relation = relation_open(lfirst_oid(cell), NoLock);
    const bool is_named = *organization != '\0' || *workspace != '\0';
    if (relation->rd_rel->relkind == RELKIND_RELATION)
      found =
          (is_named && has_held_rows(relation, place_columns(relation, organization, workspace), &holds)) ||
          has_held_rows(relation, &holds);
    relation_close(relation, NoLock);
    if (found) break;
  }
  PG_RETURN_BOOL(found);
}

// keep_holds_away_from(relation): of a table that a job empties, as keep_holds_away() does it of one
// organization.
PG_FUNCTION_INFO_V1(pg_tenancy_keep_holds_away_from);
Datum pg_tenancy_keep_holds_away_from(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
  const bool are_away = keep_holds_away_from(relation);
  relation_close(relation, NoLock);
  PG_RETURN_BOOL(are_away);
}
}

}  // namespace tenancy::pg
