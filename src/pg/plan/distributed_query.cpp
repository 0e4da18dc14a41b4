#include "pg/plan/distributed_query.hpp"

#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

planner_hook_type next_planner = nullptr;

// One of its settings, which are there as soon as it is loaded.
bool is_citus_loaded() {
  const config_generic *setting = find_setting("citus.shard_count");
  return setting != nullptr && (setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0;
}

bool has_our_policy(Oid table) {
  const Relation relation = RelationIdGetRelation(table);
  if (!RelationIsValid(relation)) return false;
  bool found = false;
  if (relation->rd_rsdesc != nullptr) {
    const ListCell *cell = nullptr;
    foreach (cell, relation->rd_rsdesc->policies)
      found =
          found || strcmp(static_cast<RowSecurityPolicy *>(lfirst(cell))->policy_name, "tenancy_select") == 0;
  }
  RelationClose(relation);
  return found;
}

bool checks_written_rows(const Query *query) {
  const ListCell *cell = nullptr;
  foreach (cell, query->withCheckOptions)
    if (lfirst_node(WithCheckOption, cell)->kind != WCO_VIEW_CHECK) return true;
  return false;
}

extern "C" {
// Whether a policy of ours applies: it doesn't to superusers, whom maintenance needs.
static bool is_under_our_policy(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return walk_expression(node, is_under_our_policy, context);
  auto *query = reinterpret_cast<Query *>(node);
  if (!query->hasRowSecurity) return false;
  int number = 0;
  const ListCell *cell = nullptr;
  foreach (cell, query->rtable) {
    const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
    number++;
    if (entry->rtekind != RTE_RELATION) continue;
    const bool is_written = number == query->resultRelation && checks_written_rows(query);
    if ((entry->securityQuals != NIL || is_written) && has_our_policy(entry->relid)) return true;
  }
  return walk_query(query, is_under_our_policy, context);
}
}

bool is_distributed(const Plan *plan);

bool is_any_distributed(const List *plans) {
  const ListCell *cell = nullptr;
  foreach (cell, plans)
    if (is_distributed(static_cast<const Plan *>(lfirst(cell)))) return true;
  return false;
}

// Its nodes are called "Citus ..." in EXPLAIN, too.
bool is_distributed(const Plan *plan) {
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
  if (IsA(plan, SubqueryScan) && is_distributed(reinterpret_cast<const SubqueryScan *>(plan)->subplan))
    return true;
  return is_distributed(plan->lefttree) || is_distributed(plan->righttree);
}

// Since PostgreSQL 19 there is one more argument: the state of EXPLAIN.
template <typename... Rest>
PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters, Rest... rest) {
  // Before planning, which changes the query.
  const bool is_protected = is_under_our_policy(reinterpret_cast<Node *>(query), nullptr);
  PlannedStmt *statement = next_planner != nullptr
                               ? next_planner(query, text, options, parameters, rest...)
                               : standard_planner(query, text, options, parameters, rest...);
  if (is_protected && (is_distributed(statement->planTree) || is_any_distributed(statement->subplans)))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("the query is distributed by Citus, and reads or writes a protected table"),
                    errdetail("Other nodes would not know the session's principal."),
                    errhint("Undistribute the table, and protect it again.")));
  return statement;
}

}  // namespace

void refuse_late_load() {
  // At the start of a session there is no statement yet; parallel workers have what their leader has.
  if (debug_query_string == nullptr || IsParallelWorker() || !is_citus_loaded()) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("beside Citus, pg_tenancy must be loaded with the session"),
                  errhint("Add pg_tenancy to \"session_preload_libraries\", and connect again.")));
}

void register_distributed_queries() {
  if (!is_citus_loaded()) return;
  next_planner = planner_hook;
  planner_hook = plan;
}

}  // namespace tenancy::pg
