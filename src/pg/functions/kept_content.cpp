// Content of rows that follow the logging settings, and legal holds on them, as rows are written.
//
// The types of the row are users': their checks, casts and input functions run with the rights of whoever
// writes it. Only the settings are read without any rights, as the catalogs always are.

#include "pg/functions/altered_table.hpp"
#include "pg/functions/held_rows.hpp"
#include "pg/functions/kept_rows.hpp"
#include "pg/functions/kept_rules.hpp"
#include "pg/functions/unheld_changes.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"

extern "C" {
#include "utils/datum.h"
#include "utils/rls.h"
}

namespace tenancy::pg {
namespace {

// The trigger's arguments.
enum : int { kind_argument, organization_argument, workspace_argument, content_argument, argument_count };

AttrNumber find_column(Relation relation, const char *name) {
  const AttrNumber number = get_attnum(RelationGetRelid(relation), name);
  if (number <= 0 || TupleDescAttr(RelationGetDescr(relation), number - 1)->attisdropped)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(relation), name),
                    errdetail("Its logging settings name that column."),
                    errhint("Use tenancy.apply_logging_settings() again.")));
  return number;
}

// The server computes generated columns after the triggers, by others that a hold need not keep.
void refuse_generated(Relation relation, const FormData_pg_attribute &attribute) {
  if (attribute.attgenerated == '\0') return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("column \"%s\" of table \"%s\" is generated", NameStr(attribute.attname),
                         RelationGetRelationName(relation)),
                  errdetail("The table follows the logging settings.")));
}

Uuid id_in(Relation relation, HeapTuple row, const char *name) {
  if (*name == '\0') return {};
  const AttrNumber number = find_column(relation, name);
  const TupleDesc descriptor = RelationGetDescr(relation);
  refuse_generated(relation, *TupleDescAttr(descriptor, number - 1));
  // Users' types are not converted.
  if (getBaseType(TupleDescAttr(descriptor, number - 1)->atttypid) != UUIDOID)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("column \"%s\" of table \"%s\" is not of type uuid", name,
                           RelationGetRelationName(relation)),
                    errdetail("The table follows the logging settings.")));
  bool is_null = true;
  const Datum value = heap_getattr(row, number, descriptor, &is_null);
  return is_null ? Uuid{} : uuid_of_datum(value);
}

Place place_of(const TriggerData &trigger, Relation relation, HeapTuple row) {
  char **arguments = trigger.tg_trigger->tgargs;
  return {id_in(relation, row, arguments[organization_argument]),
          id_in(relation, row, arguments[workspace_argument])};
}

Place place_of(const TriggerData &trigger, HeapTuple row) {
  return place_of(trigger, trigger.tg_relation, row);
}

bool is_same_place(const Place &one, const Place &other) {
  return one.organization == other.organization && one.workspace == other.workspace;
}

[[noreturn]] void refuse_held() {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
                  errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

TimestampTz received_at(Relation relation, HeapTuple row) {
  const AttrNumber number = find_column(relation, "received_at");
  bool is_null = true;
  const Datum value = heap_getattr(row, number, RelationGetDescr(relation), &is_null);
  // receive_row(), which came before, has set it.
  if (is_null || TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid != TIMESTAMPTZOID)
    return DT_NOEND;
  return DatumGetTimestampTz(value);
}

// RETURNS the empty value of a content column as the text of its type, nullptr for NULL. `is_content` is
// whether the column is one.
char *empty_text(Jsonb *content, const char *column, bool *is_content) {
  JsonbValue key;
  key.type = jbvString;
  key.val.string.val = const_cast<char *>(column);
  key.val.string.len = static_cast<int>(strlen(column));
  const JsonbValue *value = findJsonbValueFromContainer(&content->root, JB_FOBJECT, &key);
  *is_content = value != nullptr;
  if (value == nullptr || value->type == jbvNull) return nullptr;
  if (value->type == jbvBinary) return pstrdup(JsonContainerIsArray(value->val.binary.data) ? "[]" : "{}");
  return pstrdup("");
}

// A former row, and its table: another partition than the row's, if it has moved.
struct FormerRow {
  Relation relation;
  HeapTuple row;  // nullptr: there is none
};

bool is_same(HeapTuple row, AttrNumber number, TupleDesc descriptor, const FormerRow &former) {
  const auto *attribute = TupleDescAttr(descriptor, number - 1);
  // Columns of partitions have the same names and types, and other numbers.
  const AttrNumber other_number = find_column(former.relation, NameStr(attribute->attname));
  bool is_null = true, is_other_null = true;
  const Datum value = heap_getattr(row, number, descriptor, &is_null);
  const Datum other_value =
      heap_getattr(former.row, other_number, RelationGetDescr(former.relation), &is_other_null);
  if (is_null || is_other_null) return is_null == is_other_null;
  // A value that an UPDATE leaves alone is stored once.
  if (attribute->attlen == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(value)) &&
      datumIsEqual(value, other_value, false, -1))
    return true;
  // By its image: an equality of users' could run their code, and call different values the same.
  return datum_image_eq(value, other_value, attribute->attbyval, attribute->attlen);
}

struct Content {
  int count;
  int *columns;
  char **texts;
};

// Content columns of a row, without those that are the same in its former row, if there is one.
Content content_of(const TriggerData &trigger, HeapTuple row, const FormerRow &former) {
  const TupleDesc descriptor = RelationGetDescr(trigger.tg_relation);
  Jsonb *values = DatumGetJsonbP(
      DirectFunctionCall1(jsonb_in, CStringGetDatum(trigger.tg_trigger->tgargs[content_argument])));
  const auto most = static_cast<Size>(descriptor->natts);
  Content content{0, static_cast<int *>(palloc(most * sizeof(int))),
                  static_cast<char **>(palloc(most * sizeof(char *)))};
  for (int number = 1; number <= descriptor->natts; number++) {
    const auto *attribute = TupleDescAttr(descriptor, number - 1);
    if (attribute->attisdropped) continue;
    bool is_content = false;
    char *text = empty_text(values, NameStr(attribute->attname), &is_content);
    if (!is_content) continue;
    refuse_generated(trigger.tg_relation, *attribute);
    if (former.row != nullptr && is_same(row, static_cast<AttrNumber>(number), descriptor, former)) continue;
    content.columns[content.count] = number;
    content.texts[content.count] = text;
    content.count++;
  }
  return content;
}

// Input functions, and checks of domains, run as the writer.
HeapTuple without(const Content &content, HeapTuple row, TupleDesc descriptor) {
  if (content.count == 0) return row;
  const auto count = static_cast<Size>(content.count);
  auto *values = static_cast<Datum *>(palloc(count * sizeof(Datum)));
  auto *nulls = static_cast<bool *>(palloc(count * sizeof(bool)));
  for (int i = 0; i < content.count; i++) {
    const auto *attribute = TupleDescAttr(descriptor, content.columns[i] - 1);
    Oid input = InvalidOid, parameter = InvalidOid;
    getTypeInputInfo(attribute->atttypid, &input, &parameter);
    values[i] = OidInputFunctionCall(input, content.texts[i], parameter, attribute->atttypmod);
    nulls[i] = content.texts[i] == nullptr;
  }
  return heap_modify_tuple_by_cols(row, descriptor, content.count, content.columns, values, nulls);
}

// Of another tenant than the session's, so that a policy refuses it, after triggers. Work as the table's
// owner is nobody's, and no policy's either.
bool is_of_others(const TriggerData &trigger, const Place &place) {
  if ((!place.organization && !place.workspace) || is_suspended() ||
      check_enable_rls(RelationGetRelid(trigger.tg_relation), InvalidOid, true) != RLS_ENABLED)
    return false;
  // Resolved anew, where a catalog has changed since the statement began.
  const Uuid own = current_principal_or_undecided()->organization;
  CatalogRead read = begin_catalog_read();
  const Uuid organization = organization_of(read, place);
  end_catalog_read(read);
  return !own || organization != own;
}

// Content of a row in another tenant's name is emptied whatever that tenant has set: what becomes of the row
// would show the setting to its writer. Where the row is refused, nobody sees that.
Stored stored_of(const TriggerData &trigger, const Place &place, TimestampTz received) {
  return is_of_others(trigger, place) ? Stored::metadata : read_rules(place, received).stored;
}

// Where less is content than in the former partition, the rest could be changed.
bool loses_content(Relation from, Relation to) {
  const Trigger *former = keeping_trigger(from), *now = keeping_trigger(to);
  return former != nullptr && (now == nullptr || !keeps_content_of(*now, *former));
}

// A row that moves was judged as it was updated, by the content of the former partition. Triggers of this
// one, and whatever else inserts a row in its stead, can have changed it since.
HeapTuple arriving_row(const TriggerData &trigger) {
  const HeapTuple row = trigger.tg_trigtuple;
  const MovedRow moved = moved_row();
  const Place place = place_of(trigger, row);
  const Stored stored = stored_of(trigger, place, DT_NOEND);
  if (stored == Stored::full && !moved.is_held) return row;
  const Relation relation = table_open(moved.relation, AccessShareLock);
  const bool stays = moved.row != nullptr && is_same_place(place, place_of(trigger, relation, moved.row));
  const Content content = content_of(trigger, row, {relation, stays ? moved.row : nullptr});
  const bool loses = moved.is_held && loses_content(relation, trigger.tg_relation);
  table_close(relation, NoLock);
  if (moved.is_held && (!stays || loses || content.count > 0)) refuse_held();
  return stored == Stored::full ? row : without(content, row, RelationGetDescr(trigger.tg_relation));
}

HeapTuple insert_row(const TriggerData &trigger) {
  const HeapTuple row = trigger.tg_trigtuple;
  if (is_row_moving()) return arriving_row(trigger);
  const Stored stored = stored_of(trigger, place_of(trigger, row), received_at(trigger.tg_relation, row));
  if (stored == Stored::full) return row;
  if (stored == Stored::none && strcmp(trigger.tg_trigger->tgargs[kind_argument], "payloads") == 0)
    return nullptr;
  return without(content_of(trigger, row, {}), row, RelationGetDescr(trigger.tg_relation));
}

HeapTuple update_row(const TriggerData &trigger) {
  const HeapTuple former = trigger.tg_trigtuple, row = trigger.tg_newtuple;
  const Place place = place_of(trigger, row), former_place = place_of(trigger, former);
  const Stored stored = stored_of(trigger, place, DT_NOEND);
  const bool is_held = read_rules(former_place, DT_NOEND).is_held;
  const bool moves = !is_same_place(place, former_place);
  // Content stays with the row that was received with it; in another workspace it is new.
  const Content content = content_of(trigger, row, {trigger.tg_relation, moves ? nullptr : former});
  // A hold keeps rows where they are, too: elsewhere they could be removed.
  if (moves || content.count > 0) {
    if (is_held) refuse_held();
    note_unheld_change(former_place);
  }
  remember_former_row(trigger.tg_relation, former);
  return stored == Stored::full ? row : without(content, row, RelationGetDescr(trigger.tg_relation));
}

HeapTuple delete_row(const TriggerData &trigger) {
  const Place place = place_of(trigger, trigger.tg_trigtuple);
  const bool is_held = read_rules(place, DT_NOEND).is_held;
  if (is_held && !is_row_moving()) refuse_held();
  // Of a row that moves, triggers of its new partition can change it, or keep it away.
  if (!is_held) note_unheld_change(place);
  return trigger.tg_trigtuple;
}

}  // namespace

extern "C" {
// BEFORE INSERT OR UPDATE OR DELETE, for each row, after receive_row().
PG_FUNCTION_INFO_V1(pg_tenancy_keep_row);
Datum pg_tenancy_keep_row(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "keep_row")));
  const auto &trigger = *reinterpret_cast<TriggerData *>(fcinfo->context);
  if (!TRIGGER_FIRED_FOR_ROW(trigger.tg_event) || !TRIGGER_FIRED_BEFORE(trigger.tg_event) ||
      trigger.tg_trigger->tgnargs != argument_count)
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called as tenancy.apply_logging_settings() makes its "
                           "triggers",
                           "keep_row")));
  require_stored_form(trigger.tg_relation);
  if (TRIGGER_FIRED_BY_INSERT(trigger.tg_event)) return PointerGetDatum(insert_row(trigger));
  if (TRIGGER_FIRED_BY_UPDATE(trigger.tg_event)) return PointerGetDatum(update_row(trigger));
  return PointerGetDatum(delete_row(trigger));
}
}

}  // namespace tenancy::pg
