#include "pg/plan/organization_index.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

bool wants_first_rows(const Query *query) { return query->limitCount != nullptr && query->sortClause != NIL; }

// NOLINTNEXTLINE(misc-no-recursion)
bool has_list(Node *node, void *context) {
  if (node == nullptr) return false;
  return IsA(node, ScalarArrayOpExpr) || walk_expression(node, has_list, context);
}

const Var *column_of_row(Node *expression) {
  if (expression == nullptr || !IsA(expression, Var)) return nullptr;
  const auto *column = reinterpret_cast<const Var *>(expression);
  return column->varlevelsup == 0 && column->varattno > 0 ? column : nullptr;
}

bool is_checked(Oid constraint) {
  const HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto *form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  const bool checked = form->convalidated && !form->condeferrable;
  ReleaseSysCache(tuple);
  return checked;
}

// RETURNS whether the key is (workspace, organization) of the catalog of workspaces, in either order.
bool says_organization(const ForeignKeyCacheInfo *key, AttrNumber workspace, AttrNumber organization) {
  if (key->nkeys != 2 || key->confrelid != catalog_relation(CatalogIndex::workspaces_pkey)) return false;
  for (int i = 0; i < key->nkeys; i++) {
    const AttrNumber wanted = key->confkey[i] == attribute::workspaces::workspace_id      ? workspace
                              : key->confkey[i] == attribute::workspaces::organization_id ? organization
                                                                                          : InvalidAttrNumber;
    if (key->conkey[i] != wanted) return false;
  }
  return is_checked(key->conoid);
}

bool has_key_that_says(const Relation relation, AttrNumber workspace, AttrNumber organization) {
  const ListCell *cell = nullptr;
  foreach (cell, RelationGetFKeyList(relation))
    if (says_organization(static_cast<ForeignKeyCacheInfo *>(lfirst(cell)), workspace, organization))
      return true;
  return false;
}

// `vouched`: by the argument of protect().
bool is_trustworthy(Oid table, AttrNumber workspace, AttrNumber organization, bool vouched) {
  const Relation relation = table_open(table, NoLock);
  // Children by inheritance don't inherit foreign keys, and can lose NOT NULL; partitions can't.
  const bool has_children = relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rel->relhassubclass;
  const bool trustworthy = !has_children &&
                           TupleDescAttr(RelationGetDescr(relation), organization - 1)->attnotnull &&
                           (vouched || has_key_that_says(relation, workspace, organization));
  table_close(relation, NoLock);
  return trustworthy;
}

}  // namespace

bool organization_helps(const PlannerInfo *root, const RowColumns &columns, const RowCondition &filter) {
  if (root->parse == nullptr || !wants_first_rows(root->parse)) return false;
  if (columns.shape.organization_agrees) return false;  // the filter says so already
  const Var *workspace = column_of_row(columns.workspace);
  const Var *organization = column_of_row(columns.organization);
  if (workspace == nullptr || organization == nullptr || workspace->varno != organization->varno ||
      filter.decisive != columns.workspace || !has_list(reinterpret_cast<Node *>(filter.expression), nullptr))
    return false;
  const RangeTblEntry *entry = rt_fetch(static_cast<int>(workspace->varno), root->parse->rtable);
  return entry->rtekind == RTE_RELATION &&
         is_trustworthy(entry->relid, workspace->varattno, organization->varattno,
                        columns.shape.organization_implied);
}

}  // namespace tenancy::pg
