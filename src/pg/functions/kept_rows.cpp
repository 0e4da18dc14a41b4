// Rows of tables that follow the logging settings: when they were received, and until when they are kept.

#include "pg/functions/kept_rows.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/functions/altered_table.hpp"
#include "pg/functions/held_rows.hpp"
#include "pg/functions/moving_statements.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

// A row that moves to another partition is updated, deleted there, and inserted here, each with its triggers,
// by one statement. A row that another one inserts has not moved, however it looks: it may not even be
// stored.
enum class Moving : int { no, updated, deleted, inserted };
struct Move {
  Moving stage;
  Oid relation;
  ItemPointerData place;
  TimestampTz received;
  SubTransactionId subtransaction;
  MemoryContext statement;        // nullptr: it has ended
  const TupleTableSlot *updated;  // where it has the row
  bool is_held;
  HeapTuple row;  // as it was before, for the whole transaction; nullptr where it cannot move
};

// One for each depth of triggers, the outermost first: those of a partition can write other rows while a row
// is on its way, and move these.
Move *moves = nullptr;
int move_count = 0;
int most_moves = 0;

bool is_of_move(const Move &move, Moving stage) {
  return move.stage == stage && move.subtransaction == GetCurrentSubTransactionId();
}

bool is_of_move(const Move &move, Moving stage, const TriggerData *trigger) {
  return is_of_move(move, stage) && move.statement == statement_of(trigger);
}

// The depth of the trigger that is running, from 0.
int current_depth() { return DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH)) - 1; }

Move &move_at(int depth) {
  if (depth >= most_moves) {
    const int grown = Max(4, 2 * (depth + 1));
    const Size size = static_cast<Size>(grown) * sizeof(Move);
    moves = static_cast<Move *>(moves == nullptr ? MemoryContextAlloc(TopMemoryContext, size)
                                                 : repalloc(moves, size));
    most_moves = grown;
  }
  while (move_count <= depth) moves[move_count++] = {};
  return moves[depth];
}

Move &current_move() { return move_at(current_depth()); }

// Another trigger can have suppressed the INSERT, after the row was deleted. The move remains as it is:
// whoever catches the error has not ended it.
void check_has_ended(const Move &move) {
  if (move.stage != Moving::deleted || !move.is_held) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
                  errdetail("A row was to move to another partition, where a trigger did not let it in."),
                  errhint("Whoever may update the organization can lift it by tenancy.reset_logging().")));
}

// Of statements in triggers that have ended: none of them is running.
void end_moves_below(int depth) {
  for (int i = depth + 1; i < move_count; i++) check_has_ended(moves[i]);
  for (int i = depth + 1; i < move_count; i++) moves[i].stage = Moving::no;
}

// A row that was to move, and did not since its transaction was rolled back, lies where it lay.
extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    end_moves_below(-1);
  } else if (event != XACT_EVENT_PARALLEL_PRE_COMMIT) {
    move_count = 0;
  }
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId, void *) {
  for (int i = 0; i < move_count; i++) {
    if (moves[i].subtransaction != ended) continue;
    if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) check_has_ended(moves[i]);
    if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB) moves[i].stage = Moving::no;
  }
}
}

// The statement's address can become another's.
void statement_ends(MemoryContext statement) {
  for (int i = 0; i < move_count; i++) {
    if (moves[i].statement != statement) continue;
    moves[i].statement = nullptr;
    if (moves[i].stage != Moving::deleted || !moves[i].is_held) moves[i].stage = Moving::no;
  }
}

Oid root_of(Oid relation) {
  List *ancestors = get_partition_ancestors(relation);
  return ancestors == NIL ? relation : llast_oid(ancestors);
}

AttrNumber received_column(Relation relation) {
  const AttrNumber column = get_attnum(RelationGetRelid(relation), "received_at");
  if (column == InvalidAttrNumber ||
      TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid != TIMESTAMPTZOID)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" has no column \"received_at\" of type timestamp with time zone",
                           RelationGetRelationName(relation)),
                    errdetail("It follows the logging settings, which count from that moment."),
                    errhint("Use tenancy.apply_logging_settings() again.")));
  return column;
}

// Rows from elsewhere, in maintenance, a restore or logical replication, were received there. The owner of
// the table could disable the trigger as well; as an application with a principal it brings new rows.
bool brings_received_rows(Relation relation) {
  return owns_relation(RelationGetRelid(relation), GetUserId()) &&
         current_principal_or_undecided()->kind == PrincipalKind::anonymous;
}

TimestampTz received(Relation relation, TimestampTz given, bool is_given) {
  const TimestampTz now = GetCurrentTimestamp();
  // The default is the time of the transaction.
  if (!is_given || given >= GetCurrentTransactionStartTimestamp() || !brings_received_rows(relation))
    return now;
  return Min(given, now);
}

HeapTuple with_received(Relation relation, HeapTuple row, AttrNumber column, TimestampTz value) {
  int number = column;
  Datum datum = TimestampTzGetDatum(value);
  bool is_null = false;
  return heap_modify_tuple_by_cols(row, RelationGetDescr(relation), 1, &number, &datum, &is_null);
}

// Another part of the statement may insert a row that looks the same ON CONFLICT, which leaves it out. Where
// the partition's columns are those of the former one, the row is recognized by the place where it is.
void check_will_be_stored(const Move &move, const TriggerData *trigger) {
  if (!move.is_held || trigger->tg_trigslot == move.updated || stores_all_rows(move.statement)) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a legal hold keeps these rows"),
                  errdetail("A row was to move to a partition of other columns. Its statement may insert "
                            "rows ON CONFLICT, and leave out those that conflict."),
                  errhint("Use an UPDATE without such an INSERT. If a function's statement has loaded the "
                          "module of pg_tenancy, call it again in the same session.")));
}

HeapTuple insert_row(const TriggerData *trigger) {
  const Relation relation = trigger->tg_relation;
  const AttrNumber column = received_column(relation);
  bool is_null = false;
  const auto given =
      DatumGetTimestampTz(heap_getattr(trigger->tg_trigtuple, column, RelationGetDescr(relation), &is_null));
  const int depth = current_depth();
  end_moves_below(depth);
  Move &move = move_at(depth);
  if (is_of_move(move, Moving::deleted, trigger) &&
      root_of(RelationGetRelid(relation)) == root_of(move.relation)) {
    check_will_be_stored(move, trigger);
    move.stage = Moving::inserted;
    return with_received(relation, trigger->tg_trigtuple, column, move.received);
  }
  // A row that a trigger of the partition inserts is another one.
  if (is_of_move(move, Moving::deleted)) check_has_ended(move);
  // In a subtransaction, the row can still be on its way.
  if (move.stage != Moving::deleted || !move.is_held) move.stage = Moving::no;
  return with_received(relation, trigger->tg_trigtuple, column, received(relation, given, !is_null));
}

HeapTuple update_row(const TriggerData *trigger) {
  const Relation relation = trigger->tg_relation;
  const AttrNumber column = received_column(relation);
  bool is_null = false;
  const Datum former = heap_getattr(trigger->tg_trigtuple, column, RelationGetDescr(relation), &is_null);
  const int depth = current_depth();
  end_moves_below(depth);
  Move &move = move_at(depth);
  check_has_ended(move);
  if (move.row != nullptr) heap_freetuple(move.row);
  watch_statement(statement_of(trigger));
  // By the server's clock, once: the writer can neither hide rows earlier nor keep them longer.
  move = {Moving::updated,
          RelationGetRelid(relation),
          trigger->tg_trigtuple->t_self,
          is_null ? GetCurrentTimestamp() : DatumGetTimestampTz(former),
          GetCurrentSubTransactionId(),
          statement_of(trigger),
          trigger->tg_newslot,
          false,
          nullptr};
  return with_received(relation, trigger->tg_newtuple, column, move.received);
}

HeapTuple delete_row(const TriggerData *trigger) {
  const int depth = current_depth();
  end_moves_below(depth);
  Move &move = move_at(depth);
  check_has_ended(move);
  const bool leaves = is_of_move(move, Moving::updated, trigger) &&
                      move.relation == RelationGetRelid(trigger->tg_relation) &&
                      ItemPointerEquals(&move.place, &trigger->tg_trigtuple->t_self);
  move.stage = leaves ? Moving::deleted : Moving::no;
  if (leaves) move.is_held = is_held_row(trigger->tg_relation, trigger->tg_trigtuple);
  return trigger->tg_trigtuple;
}

// A sub-select's value, evaluated once: until when rows are kept, of one principal.
struct Kept {
  uint64 stamp;
  TimestampTz since;
};
// Entries that follow it.
struct KeptInWorkspace {
  Uuid workspace;
  TimestampTz since;
};

TimestampTz since_in(const char *entries, Size size, const Uuid &workspace, TimestampTz otherwise) {
  for (Size at = 0; at + sizeof(KeptInWorkspace) <= size; at += sizeof(KeptInWorkspace)) {
    KeptInWorkspace entry;
    memcpy(static_cast<void *>(&entry), entries + at, sizeof(entry));
    if (entry.workspace == workspace) return entry.since;
  }
  return otherwise;
}

}  // namespace

void register_kept_rows() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
  register_moving_statements(statement_ends);
}

bool is_row_moving() {
  const Move &move = current_move();
  return is_of_move(move, Moving::deleted) || is_of_move(move, Moving::inserted);
}

void remember_former_row(Relation relation, HeapTuple row) {
  Move &move = current_move();
  // A partition can have two triggers that keep rows.
  if (!relation->rd_rel->relispartition || !is_of_move(move, Moving::updated) ||
      move.relation != RelationGetRelid(relation) || move.row != nullptr)
    return;
  const MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
  move.row = heap_copytuple(row);
  MemoryContextSwitchTo(caller);
}

MovedRow moved_row() {
  const Move &move = current_move();
  return {move.relation, move.row, move.is_held};
}

extern "C" {
// BEFORE INSERT OR UPDATE OR DELETE, for each row.
PG_FUNCTION_INFO_V1(pg_tenancy_receive_row);
Datum pg_tenancy_receive_row(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called by trigger manager", "receive_row")));
  const auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
  if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BEFORE(trigger->tg_event))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function \"%s\" was not called as tenancy.apply_logging_settings() makes its "
                           "triggers",
                           "receive_row")));
  require_stored_form(trigger->tg_relation);
  if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) return PointerGetDatum(insert_row(trigger));
  if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) return PointerGetDatum(update_row(trigger));
  return PointerGetDatum(delete_row(trigger));
}

// kept_by(): the moments since which rows are kept, in the organization and in workspaces of its own that the
// principal reaches.
PG_FUNCTION_INFO_V1(pg_tenancy_kept_by);
Datum pg_tenancy_kept_by(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  Datum *ids = nullptr, *moments = nullptr;
  int count = 0, count_of_moments = 0;
  // Without room for NULLs the server refuses them.
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, nullptr, &count);
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TIMESTAMPTZOID, sizeof(TimestampTz), true, TYPALIGN_DOUBLE,
                    &moments, nullptr, &count_of_moments);
  if (count != count_of_moments) elog(ERROR, "a moment is missing");
  const Size size = VARHDRSZ + sizeof(Kept) + static_cast<Size>(count) * sizeof(KeptInWorkspace);
  auto *result = static_cast<bytea *>(palloc0(size));
  const Principal *principal = current_principal_or_undecided();
  const Kept kept{identity_stamp(), PG_GETARG_TIMESTAMPTZ(0)};
  memcpy(VARDATA(result), &kept, sizeof(kept));
  char *end = VARDATA(result) + sizeof(kept);
  for (int i = 0; i < count; i++) {
    const KeptInWorkspace entry{uuid_of_datum(ids[i]), DatumGetTimestampTz(moments[i])};
    // Anybody can read the value. Of a workspace where the principal may do nothing it sees no row either.
    if (principal->access->in_workspace(entry.workspace).empty()) continue;
    memcpy(end, &entry, sizeof(entry));
    end += sizeof(entry);
  }
  SET_VARSIZE(result, end - reinterpret_cast<char *>(result));
  PG_RETURN_BYTEA_P(result);
}

// Rows would be judged by what another principal may see, if a function of the query changes the session
// between the sub-select and the row.
PG_FUNCTION_INFO_V1(pg_tenancy_is_kept);
Datum pg_tenancy_is_kept(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(2)) PG_RETURN_BOOL(false);
  const bytea *given = PG_GETARG_BYTEA_PP(2);
  const Size size = VARSIZE_ANY_EXHDR(given);
  Kept kept{};
  if (size < sizeof(kept)) PG_RETURN_BOOL(false);
  memcpy(&kept, VARDATA_ANY(given), sizeof(kept));
  if (kept.stamp != identity_stamp())
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the session's principal has changed since the query was planned"),
                    errhint("Run the query again.")));
  if (PG_ARGISNULL(0)) PG_RETURN_BOOL(false);
  const TimestampTz since = PG_ARGISNULL(1) ? kept.since
                                            : since_in(VARDATA_ANY(given) + sizeof(kept), size - sizeof(kept),
                                                       uuid_of_datum(PG_GETARG_DATUM(1)), kept.since);
  PG_RETURN_BOOL(PG_GETARG_TIMESTAMPTZ(0) >= since);
}
}

}  // namespace tenancy::pg
