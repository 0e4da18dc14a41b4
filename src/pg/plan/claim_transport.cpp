#include "pg/plan/claim_transport.hpp"

#include "pg/plan/distributed_query.hpp"
#include "pg/plan/plan_cache.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/claims.hpp"
#include "pg/session/identity.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

// Long before the claim ends.
constexpr int64 claim_is_fresh = claim_lifetime / 2;

ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;

struct {
  // Of the transaction: connections keep their claims until its end.
  bool has_identity;
  uint64 identity;
  // The claim that a connection has.
  bool is_brought;
  Oid user;  // whose connection it is
  SessionToken token;
  TimestampTz fresh_until;
} state{};

struct Placement {
  bool is_found;
  char method;
  int32 colocation;
};

// Of pg_dist_partition, which Citus gives no header for.
Placement placement_of(Oid table) {
  const Oid catalog = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
  const Oid index = get_relname_relid("pg_dist_partition_logical_relid_index", PG_CATALOG_NAMESPACE);
  if (!OidIsValid(catalog) || !OidIsValid(index)) return {};
  const AttrNumber table_column = get_attnum(catalog, "logicalrelid");
  const AttrNumber method_column = get_attnum(catalog, "partmethod");
  const AttrNumber colocation_column = get_attnum(catalog, "colocationid");
  if (table_column <= 0 || method_column <= 0 || colocation_column <= 0) return {};
  Placement placement{};
  const Relation relation = table_open(catalog, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, table_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
  const SysScanDesc scan = systable_beginscan(relation, index, true, nullptr, 1, &key);
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    bool no_method = false;
    bool no_colocation = false;
    const Datum method = heap_getattr(row, method_column, RelationGetDescr(relation), &no_method);
    const Datum colocation = heap_getattr(row, colocation_column, RelationGetDescr(relation), &no_colocation);
    if (!no_method && !no_colocation) placement = {true, DatumGetChar(method), DatumGetInt32(colocation)};
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return placement;
}

bool needs_claim(const PlannedStmt *statement) {
  uint32 hash = 0;
  if (!guard_hash(Guard::plan, &hash)) return false;
  const ListCell *cell = nullptr;
  foreach (cell, statement->invalItems) {
    const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
    if (item->cacheId == PROCOID && item->hashValue == hash) return is_distributed(statement);
  }
  return false;
}

[[noreturn]] void refuse_node() {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the node with the organization's rows also serves sessions without a claim"),
                  errhint("Set tenancy.require_claims = on there.")));
  pg_unreachable();
}

text *answer_of_door() {
  if (SPI_processed != 1) elog(ERROR, "the door has not answered");
  bool is_null = false;
  const Datum answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  if (is_null) elog(ERROR, "the door has not answered");
  return DatumGetTextPP(answer);
}

bool does_node_require_claims() {
  const char *setting = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
  return setting != nullptr && strcmp(setting, "on") == 0;
}

// Everything is named in full, since the search path is the user's. The aggregate makes it one row.
void ask_at_door(const Uuid &organization) {
  const char *where =
      psprintf("FROM tenancy_cluster.door WHERE id OPERATOR(pg_catalog.=) '%s'::pg_catalog.uuid",
               DatumGetCString(DirectFunctionCall1(uuid_out, uuid_datum(organization))));
  SPI_connect();
  SPI_execute_with_args(
      psprintf("SELECT (SELECT tenancy.claim_challenge()), "
               "(SELECT pg_catalog.current_setting('tenancy.require_claims')), pg_catalog.count(*) %s",
               where),
      0, nullptr, nullptr, nullptr, true, 0);
  text *claim = sign_claim_for_other(answer_of_door());
  if (claim != nullptr) {
    if (!does_node_require_claims()) refuse_node();
    Oid types[] = {TEXTOID};
    Datum values[] = {PointerGetDatum(claim)};
    SPI_execute_with_args(psprintf("SELECT (SELECT tenancy.accept_claim($1)), pg_catalog.count(*) %s", where),
                          1, types, values, nullptr, true, 0);
    (void)answer_of_door();
  }
  SPI_finish();
}

// Otherwise a row of the other one's organization could be written with its claim.
void check_identity() {
  if (!state.has_identity || state.identity == identity_stamp()) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the transaction has queried distributed tables as another principal"),
                  errdetail("Other nodes know that principal until the transaction ends."),
                  errhint("Change the principal in a new transaction.")));
}

void bring_claim() {
  if (is_claimed() || is_suspended()) return;
  const SessionToken token = SessionToken::now();
  const Principal &principal = *current_principal();
  check_identity();
  // Nobody's queries read no shard.
  if (!principal.organization) return;
  if (state.is_brought && state.user == GetUserId() && state.token.valid() &&
      state.fresh_until > GetCurrentTimestamp())
    return;
  const TimestampTz fresh_until = Min(principal.valid_until, GetCurrentTimestamp() + claim_is_fresh);
  state.is_brought = false;
  state.has_identity = true;
  state.identity = identity_stamp();
  ask_at_door(principal.organization);
  state.is_brought = true;
  state.user = GetUserId();
  state.token = token;
  state.fresh_until = fresh_until;
}

// Outside of a transaction block Citus uses any connection, and no transaction there.
bool begin_block() {
  if (IsTransactionBlock()) return false;
  BeginImplicitTransactionBlock();
  return true;
}

void end_block(bool is_ours) {
  if (is_ours) EndImplicitTransactionBlock();
}

extern "C" {
static void start(QueryDesc *query, int flags) {
  if (needs_claim(query->plannedstmt)) {
    const bool is_ours = begin_block();
    bring_claim();
    end_block(is_ours);
  }
  if (next_start != nullptr)
    next_start(query, flags);
  else
    standard_ExecutorStart(query, flags);
}

static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
    state.is_brought = state.has_identity = false;
}

// A claim given since the savepoint has been undone there, too.
static void subtransaction_ends(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  if (event == SUBXACT_EVENT_ABORT_SUB) state.is_brought = false;
}
}

// Before PostgreSQL 18 there is one more argument: execute_once.
template <typename... Rest>
void run(QueryDesc *query, ScanDirection direction, uint64 count, Rest... rest) {
  bool is_ours = false;
  if (state.has_identity && needs_claim(query->plannedstmt)) {
    if (!is_claimed() && !is_suspended()) check_identity();
    is_ours = begin_block();
  }
  if (next_run != nullptr)
    next_run(query, direction, count, rest...);
  else
    standard_ExecutorRun(query, direction, count, rest...);
  end_block(is_ours);
}

}  // namespace

Oid find_door() {
  const Oid schema = get_namespace_oid("tenancy_cluster", true);
  const Oid door = OidIsValid(schema) ? get_relname_relid("door", schema) : InvalidOid;
  if (!OidIsValid(door)) return InvalidOid;
  // One that somebody else has made could run code with the rights of whoever asks there.
  const HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(door));
  if (!HeapTupleIsValid(row)) return InvalidOid;
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  const bool is_genuine = form->relkind == RELKIND_RELATION && superuser_arg(form->relowner);
  ReleaseSysCache(row);
  return is_genuine ? door : InvalidOid;
}

bool is_beside_door(Oid table, Oid door) {
  const Placement placement = placement_of(table);
  const Placement doors = placement_of(door);
  return placement.is_found && doors.is_found && placement.method == 'h' &&
         placement.colocation == doors.colocation;
}

bool is_on_other_nodes(Oid table) { return placement_of(table).is_found; }

void require_claim(PlannedStmt *statement) {
  uint32 hash = 0;
  (void)guard_function(Guard::plan);
  if (!guard_hash(Guard::plan, &hash)) elog(ERROR, "function plan_guard() is unknown");
  auto *item = makeNode(PlanInvalItem);
  item->cacheId = PROCOID;
  item->hashValue = hash;
  statement->invalItems = lappend(statement->invalItems, item);
  note_plan_with(Guard::plan, GetMemoryChunkContext(statement));
}

void register_claim_transport() {
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

}  // namespace tenancy::pg
