#include "pg/plan/known_row.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {
namespace {

// Answers about the principal that are constants while it is the session's.
struct CurrentId {
  const char *function;
  Uuid Principal::*id;
};
constexpr CurrentId current_ids[] = {{"current_organization_id", &Principal::organization},
                                     {"current_workspace_id", &Principal::workspace},
                                     {"current_user_id", &Principal::user},
                                     {"current_api_key_id", &Principal::api_key}};

// CACHES: their OIDs, until definitions change.
struct {
  DefinitionToken token;
  Oid functions[lengthof(current_ids)];
} known{};

void look_up_current_ids() {
  if (known.token.valid()) return;
  const DefinitionToken token = DefinitionToken::now();
  for (size_t i = 0; i < lengthof(current_ids); i++)
    known.functions[i] = find_public_function(current_ids[i].function);
  known.token = token;
}

// No FROM, and nothing in its place that returns several rows or decides whether there is one.
bool inserts_one_row(const Query *query) {
  if (query->commandType != CMD_INSERT || query->onConflict != nullptr || query->hasTargetSRFs ||
      query->jointree == nullptr || query->jointree->quals != nullptr ||
      list_length(query->jointree->fromlist) > 1)
    return false;
  if (query->jointree->fromlist == NIL) return true;
  const auto *from = static_cast<const RangeTblRef *>(linitial(query->jointree->fromlist));
  return IsA(from, RangeTblRef) && rt_fetch(from->rtindex, query->rtable)->rtekind == RTE_RESULT;
}

// A trigger could change what the target list has, and the rows of a partitioned or foreign table, or of a
// view, are written by other plans.
bool is_written_as_given(const Query *query) {
  const Relation relation = table_open(rt_fetch(query->resultRelation, query->rtable)->relid, NoLock);
  const bool is_plain = relation->rd_rel->relkind == RELKIND_RELATION &&
                        (relation->trigdesc == nullptr || !relation->trigdesc->trig_insert_before_row);
  table_close(relation, NoLock);
  return is_plain;
}

// A column without an entry is NULL, or computed from the row later: which of them isn't known here.
TargetEntry *value_of(const Query *query, const Node *column) {
  const auto *var = reinterpret_cast<const Var *>(column);
  if (!IsA(var, Var) || var->varno != query->resultRelation || var->varlevelsup != 0 ||
      var->vartype != UUIDOID)
    return nullptr;
  const ListCell *cell = nullptr;
  foreach (cell, query->targetList)
    if (auto *target = lfirst_node(TargetEntry, cell); target->resno == var->varattno && !target->resjunk)
      return target;
  return nullptr;
}

// Nil stands for NULL, so that an id of zeros is none that is known.
bool is_known_id(const Const *value, Uuid &id) {
  if (value == nullptr || !IsA(value, Const) || value->consttype != UUIDOID) return false;
  if (value->constisnull) return true;
  id = uuid_of_datum(value->constvalue);
  return static_cast<bool>(id);
}

}  // namespace

Const *principals_id(const Expr *value, const Principal &principal) {
  const auto *call = reinterpret_cast<const FuncExpr *>(value);
  if (!IsA(call, FuncExpr) || call->args != NIL) return nullptr;
  look_up_current_ids();
  for (size_t i = 0; i < lengthof(current_ids); i++) {
    if (call->funcid != known.functions[i]) continue;
    const Uuid id = principal.*current_ids[i].id;
    return makeConst(UUIDOID, -1, InvalidOid, UUID_LEN, id ? uuid_datum(id) : Datum(0), !id, false);
  }
  return nullptr;
}

bool find_known_row(const PlannerInfo *root, const RowColumns &columns, const Principal &principal,
                    KnownRow &found) {
  const Query *query = root->parse;
  if (!inserts_one_row(query)) return false;
  found = {};
  const Node *arguments[row_column_count] = {columns.organization, columns.workspace, columns.owner,
                                             columns.api_key};
  for (size_t i = 0; i < row_column_count; i++) {
    if (arguments[i] == nullptr) continue;
    found.values[i] = value_of(query, arguments[i]);
    if (found.values[i] == nullptr) return false;
    const Expr *value = found.values[i]->expr;
    const Const *id =
        IsA(value, Const) ? reinterpret_cast<const Const *>(value) : principals_id(value, principal);
    if (!is_known_id(id, found.ids[i])) return false;
  }
  return is_written_as_given(query);
}

void keep_known_ids(const KnownRow &row, const Principal &principal) {
  for (TargetEntry *value : row.values)
    if (value != nullptr)
      if (Const *id = principals_id(value->expr, principal); id != nullptr)
        value->expr = reinterpret_cast<Expr *>(id);
}

Expr *guard_of_known_row(Const *stamp, Const *not_after) {
  Const *something = makeConst(INT4OID, -1, InvalidOid, 4, Int32GetDatum(0), false, true);
  return reinterpret_cast<Expr *>(makeFuncExpr(guard_function(Guard::plan), BOOLOID,
                                               list_make3(stamp, not_after, something), InvalidOid,
                                               InvalidOid, COERCE_EXPLICIT_CALL));
}

}  // namespace tenancy::pg
