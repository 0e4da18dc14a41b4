#include "pg/plan/distributed_query.hpp"

#include <initializer_list>

#include "pg/catalog/protected_table.hpp"
#include "pg/plan/claim_transport.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;
ProcessUtility_hook_type next_utility = nullptr;

// One of its settings, which are there as soon as it is loaded.
bool is_citus_loaded() {
  const config_generic *setting = find_setting("citus.shard_count");
  return setting != nullptr && (setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0;
}

// Whether a table can be read and written on other nodes.
enum class Standing : int { no_policy_of_ours, beside_door, elsewhere, other_policies };

bool is_our_policy(const char *name) {
  for (const char *ours : {"tenancy_select", "tenancy_insert", "tenancy_update", "tenancy_delete"})
    if (strcmp(name, ours) == 0) return true;
  return false;
}

// Otherwise the filter of a workspace's members doesn't say which node has its rows.
bool names_its_shard(Oid table) {
  const ProtectedTable record = read_protected_table(table);
  return !record.found || record.column_names[id_column::workspace] == nullptr || record.with_organization;
}

// Citus makes a permissive policy of a restrictive one.
Standing standing_of(Oid table, Oid door) {
  const Relation relation = RelationIdGetRelation(table);
  if (!RelationIsValid(relation)) return Standing::no_policy_of_ours;
  int ours = 0;
  int all = 0;
  if (relation->rd_rsdesc != nullptr) {
    const ListCell *cell = nullptr;
    foreach (cell, relation->rd_rsdesc->policies) {
      all++;
      if (is_our_policy(static_cast<RowSecurityPolicy *>(lfirst(cell))->policy_name)) ours++;
    }
  }
  RelationClose(relation);
  if (ours == 0) return Standing::no_policy_of_ours;
  if (!OidIsValid(door) || !is_beside_door(table, door) || !names_its_shard(table))
    return Standing::elsewhere;
  return all == ours ? Standing::beside_door : Standing::other_policies;
}

bool checks_written_rows(const Query *query) {
  const ListCell *cell = nullptr;
  foreach (cell, query->withCheckOptions)
    if (lfirst_node(WithCheckOption, cell)->kind != WCO_VIEW_CHECK) return true;
  return false;
}

// The tables that a query reads and writes under policies of ours. These don't apply to superusers, whom
// maintenance needs. In work of the extension they don't apply here, but on other nodes they would.
struct Protected {
  Oid door;
  bool is_any;
  Oid refused;  // a table that can't be
  Standing standing;
};

void note_table(Protected &found, Oid table) {
  const Standing standing = standing_of(table, found.door);
  if (standing == Standing::no_policy_of_ours) return;
  found.is_any = true;
  if (standing == Standing::beside_door || OidIsValid(found.refused)) return;
  found.refused = table;
  found.standing = standing;
}

extern "C" {
static bool note_protected(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return walk_expression(node, note_protected, context);
  auto *query = reinterpret_cast<Query *>(node);
  if (!query->hasRowSecurity && !is_suspended()) return false;
  int number = 0;
  const ListCell *cell = nullptr;
  foreach (cell, query->rtable) {
    const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
    number++;
    if (entry->rtekind != RTE_RELATION) continue;
    const bool is_written = number == query->resultRelation && checks_written_rows(query);
    if (entry->securityQuals != NIL || is_written || is_suspended())
      note_table(*static_cast<Protected *>(context), entry->relid);
  }
  return walk_query(query, note_protected, context);
}
}

bool is_distributed_plan(const Plan *plan);

bool is_any_distributed(const List *plans) {
  const ListCell *cell = nullptr;
  foreach (cell, plans)
    if (is_distributed_plan(static_cast<const Plan *>(lfirst(cell)))) return true;
  return false;
}

// Its nodes are called "Citus ..." in EXPLAIN, too.
bool is_distributed_plan(const Plan *plan) {
  if (plan == nullptr) return false;
  if (IsA(plan, CustomScan)) {
    const auto *scan = reinterpret_cast<const CustomScan *>(plan);
    if (strncmp(scan->methods->CustomName, "Citus", strlen("Citus")) == 0) return true;
    if (is_any_distributed(scan->custom_plans)) return true;
  }
  if (IsA(plan, Append) && is_any_distributed(reinterpret_cast<const Append *>(plan)->appendplans))
    return true;
  if (IsA(plan, MergeAppend) && is_any_distributed(reinterpret_cast<const MergeAppend *>(plan)->mergeplans))
    return true;
  if (IsA(plan, SubqueryScan) && is_distributed_plan(reinterpret_cast<const SubqueryScan *>(plan)->subplan))
    return true;
  return is_distributed_plan(plan->lefttree) || is_distributed_plan(plan->righttree);
}

[[noreturn]] void refuse(const Protected &found) {
  if (found.standing == Standing::other_policies)
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("table \"%s\", which Citus distributes, has policies beside the tenancy policies",
                    get_rel_name(found.refused)),
             errdetail("Citus makes permissive policies of restrictive ones."), errhint("Drop them.")));
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("the query is distributed by Citus, and reads or writes a protected table"),
                  errdetail("Other nodes would not know the session's principal for table \"%s\".",
                            get_rel_name(found.refused)),
                  errhint("Undistribute the table, protect it again, and use tenancy.distribute().")));
  pg_unreachable();
}

[[noreturn]] void refuse_owner() {
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
           errmsg("rows of all tenants in a table that Citus distributes can be reached by a superuser only"),
           errhint("Give the table to a superuser, or to a role with LOGIN and BYPASSRLS.")));
  pg_unreachable();
}

void set_for_planning(const char *parameter) {
  (void)set_config_option(parameter, "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

// Since PostgreSQL 19 there is one more argument: the state of EXPLAIN.
template <typename... Rest>
PlannedStmt *plan_next(Query *query, const char *text, int options, ParamListInfo parameters, Rest... rest) {
  return next_planner != nullptr ? next_planner(query, text, options, parameters, rest...)
                                 : standard_planner(query, text, options, parameters, rest...);
}

template <typename... Rest>
PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters, Rest... rest) {
  // Before planning, which changes the query.
  Protected found{find_door(), false, InvalidOid, Standing::no_policy_of_ours};
  (void)note_protected(reinterpret_cast<Node *>(query), &found);
  if (!found.is_any || (is_suspended() && has_bypassrls_privilege(GetUserId())))
    return plan_next(query, text, options, parameters, rest...);
  // The filter has to be in the plan, with the principal's own ids: the fast path leaves it out, so that the
  // organization that a query names would decide where it goes.
  const int level = NewGUCNestLevel();
  set_for_planning("citus.enable_fast_path_router_planner");
  if (configuration.share_plans) set_for_planning("tenancy.share_plans");
  PlannedStmt *statement = plan_next(query, text, options, parameters, rest...);
  AtEOXact_GUC(true, level);
  if (!is_distributed(statement)) return statement;
  if (OidIsValid(found.refused)) refuse(found);
  if (is_suspended()) refuse_owner();
  require_claim(statement);
  return statement;
}

// Citus copies by shards, past the planner, and on connections that may have another principal's claim.
void check_copy(const CopyStmt *copy) {
  if (copy->relation == nullptr) return;
  const Oid table = RangeVarGetRelid(copy->relation, NoLock, true);
  if (!OidIsValid(table) || !is_on_other_nodes(table) ||
      standing_of(table, InvalidOid) == Standing::no_policy_of_ours ||
      check_enable_rls(table, InvalidOid, true) != RLS_ENABLED)
    return;
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
           errmsg("protected table \"%s\", which Citus distributes, cannot be copied", get_rel_name(table)),
           copy->is_from ? errhint("Use INSERT.") : errhint("Use COPY (SELECT ...) TO.")));
}

extern "C" {
static void run_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                        ProcessUtilityContext context, ParamListInfo parameters,
                        QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion) {
  if (IsA(statement->utilityStmt, CopyStmt))
    check_copy(reinterpret_cast<const CopyStmt *>(statement->utilityStmt));
  const auto next = next_utility != nullptr ? next_utility : standard_ProcessUtility;
  next(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
}
}

}  // namespace

void refuse_late_load() {
  // At the start of a session there is no statement yet; parallel workers have what their leader has.
  if (debug_query_string == nullptr || IsParallelWorker() || !is_citus_loaded()) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("beside Citus, pg_tenancy must be loaded with the session"),
                  errhint("Add pg_tenancy to \"session_preload_libraries\", and connect again.")));
}

bool is_distributed(const PlannedStmt *statement) {
  return is_distributed_plan(statement->planTree) || is_any_distributed(statement->subplans);
}

void register_distributed_queries() {
  if (!is_citus_loaded()) return;
  next_planner = planner_hook;
  planner_hook = plan;
  next_utility = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
  register_claim_transport();
}

}  // namespace tenancy::pg
