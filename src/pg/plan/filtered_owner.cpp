#include "pg/plan/filtered_owner.hpp"

#include "pg/plan/invalidation.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/refused.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {
namespace {

// Of the plans made in SECURITY DEFINER functions, for whose outer user seeing nothing is no error.
Oid planned_for = InvalidOid;

// The table of these columns; InvalidOid if they are not a table's.
Oid relation_of(PlannerInfo *root, Node *columns) {
  List *variables = pull_vars_of_level(columns, 0);
  if (variables == NIL) return InvalidOid;
  const auto *variable = static_cast<Var *>(linitial(variables));
  if (variable->varno < 1 || variable->varno > list_length(root->parse->rtable)) return InvalidOid;
  const RangeTblEntry *entry = rt_fetch(variable->varno, root->parse->rtable);
  return entry->rtekind == RTE_RELATION ? entry->relid : InvalidOid;
}

bool is_forced(Oid relation) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(row)) return false;
  const bool forced = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relforcerowsecurity;
  ReleaseSysCache(row);
  return forced;
}

}  // namespace

void check_filtered_owner(PlannerInfo *root, Node *columns, const Principal &principal) {
  if (principal.kind != PrincipalKind::anonymous || configuration.filtered_owner == FilteredOwner::empty)
    return;
  // There, the principal is suspended on purpose.
  if (is_suspended() || is_simulation()) return;
  const Oid relation = relation_of(root, columns);
  if (!OidIsValid(relation) || !is_forced(relation)) return;
  const Oid user = GetOuterUserId();
  if (!owns_relation(relation, user) && !has_bypassrls_privilege(user)) {
    // The server keeps a plan for the function's user, whoever calls the function.
    if (user != GetUserId()) planned_for = user;
    return;
  }
  // For somebody with BYPASSRLS the policies apply only because the query runs with another one's rights.
  const bool runs_for_another = has_bypassrls_privilege(user);
  ereport(
      ERROR,
      (refused(Refused::filtered_owner),
       errmsg("row security hides all rows of table \"%s\" from role \"%s\"", get_rel_name(relation),
              GetUserNameFromId(user, false)),
       runs_for_another
           ? errdetail(
                 "The query is part of a view, materialized view or function that runs with its owner's "
                 "rights, and the session has no principal.")
           : errdetail("The role has the rights of the table's owner, and the session has no principal."),
       runs_for_another
           ? errhint(
                 "Give it to a role with BYPASSRLS, or make a view \"security_invoker\", or set a principal.")
           : errhint("Use a role with BYPASSRLS for migrations and maintenance, or set a principal, or set "
                     "\"row_security\" to off to have such queries refused.")));
}

void outer_user_may_have_changed() {
  if (!OidIsValid(planned_for) || planned_for == GetOuterUserId()) return;
  planned_for = InvalidOid;
  drop_specialized_plans();
}

}  // namespace tenancy::pg
