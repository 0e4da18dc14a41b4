#include "pg/plan/protected_relation.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/plan/kept_statistics.hpp"
#include "pg/plan/plan_guard.hpp"

namespace tenancy::pg {
namespace {

struct Note {
  Oid table;
  Expr *filter;
  Expr *implied;
  Note *next;
};

// Notes about one statement during its planning, for the lifetime of its PlannerGlobal. There are several
// if planning evaluates a function that plans another statement.
struct Planning {
  PlannerGlobal *global;
  Note *notes;
  Planning *outer;
  MemoryContextCallback at_end;
};
Planning *innermost = nullptr;

extern "C" {
static void planning_ends(void *ended) {
  for (Planning **planning = &innermost; *planning != nullptr; planning = &(*planning)->outer)
    if (*planning == ended) {
      *planning = (*planning)->outer;
      return;
    }
}
}

Planning *planning_of(const PlannerInfo *root) {
  for (Planning *planning = innermost; planning != nullptr; planning = planning->outer)
    if (planning->global == root->glob) return planning;
  return nullptr;
}

Planning *begin_planning(const PlannerInfo *root) {
  if (innermost == nullptr) drop_old_statistics();
  auto *planning =
      static_cast<Planning *>(MemoryContextAllocZero(GetMemoryChunkContext(root->glob), sizeof(Planning)));
  planning->global = root->glob;
  planning->outer = innermost;
  planning->at_end.func = planning_ends;
  planning->at_end.arg = planning;
  MemoryContextRegisterResetCallback(GetMemoryChunkContext(root->glob), &planning->at_end);
  innermost = planning;
  return planning;
}

const Var *first_column(Node *expression) {
  if (expression == nullptr) return nullptr;
  if (IsA(expression, Var)) return reinterpret_cast<Var *>(expression);
  List *columns = pull_vars_of_level(expression, 0);
  return columns == NIL ? nullptr : linitial_node(Var, columns);
}

const RangeTblEntry *table_of(const PlannerInfo *root, const RowColumns &columns) {
  for (Node *column : {columns.organization, columns.workspace, columns.owner, columns.api_key}) {
    const Var *var = first_column(column);
    if (var == nullptr || var->varlevelsup != 0) continue;
    if (static_cast<int>(var->varno) > list_length(root->parse->rtable)) return nullptr;
    const RangeTblEntry *entry = rt_fetch(static_cast<int>(var->varno), root->parse->rtable);
    return entry->rtekind == RTE_RELATION ? entry : nullptr;
  }
  return nullptr;
}

bool is_noted(const Planning *planning, Oid table) {
  for (const Note *note = planning->notes; note != nullptr; note = note->next)
    if (note->table == table) return true;
  return false;
}

// Table that the relation is a part of, be it by partitioning, inheritance or UNION ALL; 0 for none.
Index above(const PlannerInfo *root, Index relation) {
  if (root->append_rel_array == nullptr || root->append_rel_array[relation] == nullptr) return 0;
  return root->append_rel_array[relation]->parent_relid;
}

bool are_among(List *some, List *all) {
  const ListCell *cell = nullptr;
  foreach (cell, some)
    if (!list_member(all, lfirst(cell))) return false;
  return true;
}

// A policy's conditions have been through what canonicalizes conditions; so must be what they are compared
// with.
const Note *note_of(const Planning *planning, Oid table, List *conditions) {
  for (const Note *note = planning->notes; note != nullptr; note = note->next) {
    if (note->table != table) continue;
    List *made = make_ands_implicit(canonicalize_qual(note->filter, false));
    if (are_among(conditions, made) && are_among(made, conditions)) return note;
  }
  return nullptr;
}

List *as_list(Node *conditions) {
  return IsA(conditions, List) ? reinterpret_cast<List *>(conditions)
                               : make_ands_implicit(reinterpret_cast<Expr *>(conditions));
}

// With the relation's columns for those of the table that it is a part of, step by step.
Node *in_columns_of(PlannerInfo *root, Index relation, Index table, Node *clause) {
  if (relation == table) return clause;
  AppendRelInfo *step = root->append_rel_array[relation];
  clause = in_columns_of(root, step->parent_relid, table, clause);
  return adjust_appendrel_attrs(root, clause, 1, &step);
}

void add_filter(RowFilters *filters, PlannerInfo *root, Index relation, Index table, List *conditions,
                const Note *note) {
  const ListCell *cell = nullptr;
  foreach (cell, conditions) {
    auto *clause = static_cast<Node *>(lfirst(cell));
    if (is_guard(clause)) continue;
    const bool is_implied = note->implied != nullptr && equal(clause, note->implied);
    clause = in_columns_of(root, relation, table, clause);
    if (is_implied)
      filters->implied = lappend(filters->implied, clause);
    else if (is_equality(clause))
      filters->comparisons = lappend(filters->comparisons, clause);
    else
      filters->others = lappend(filters->others, clause);
  }
}

}  // namespace

void note_row_filter(PlannerInfo *root, const RowColumns &columns, Expr *filter, Expr *implied) {
  if (filter == nullptr || root->glob == nullptr || root->parse == nullptr) return;
  const RangeTblEntry *table = table_of(root, columns);
  if (table == nullptr) return;
  Planning *planning = planning_of(root);
  if (planning == nullptr) planning = begin_planning(root);
  const MemoryContext context = GetMemoryChunkContext(planning);
  auto *note = static_cast<Note *>(MemoryContextAlloc(context, sizeof(Note)));
  // Planning's own memory is what lasts; what is made elsewhere may be gone before.
  if (context == CurrentMemoryContext) {
    *note = {table->relid, filter, implied, planning->notes};
  } else {
    const MemoryContext caller = MemoryContextSwitchTo(context);
    *note = {table->relid, static_cast<Expr *>(copyObjectImpl(filter)),
             static_cast<Expr *>(copyObjectImpl(implied)), planning->notes};
    MemoryContextSwitchTo(caller);
  }
  planning->notes = note;
}

bool is_filter_planned(const PlannerInfo *root) { return planning_of(root) != nullptr; }

bool has_row_filter(PlannerInfo *root, const RelOptInfo *relation) {
  const Planning *planning = planning_of(root);
  if (planning == nullptr) return false;
  for (Index table = relation->relid; table != 0; table = above(root, table)) {
    const RangeTblEntry *entry = root->simple_rte_array[table];
    if (entry->securityQuals != NIL && is_noted(planning, entry->relid)) return true;
  }
  return false;
}

RowFilters row_filters_of(PlannerInfo *root, const RelOptInfo *relation) {
  RowFilters filters{};
  const Planning *planning = planning_of(root);
  if (planning == nullptr) return filters;
  for (Index table = relation->relid; table != 0; table = above(root, table)) {
    const RangeTblEntry *entry = root->simple_rte_array[table];
    const ListCell *cell = nullptr;
    foreach (cell, entry->securityQuals) {
      List *conditions = as_list(static_cast<Node *>(lfirst(cell)));
      const Note *note = note_of(planning, entry->relid, conditions);
      if (note == nullptr) return RowFilters{};
      filters.all_ours = true;
      add_filter(&filters, root, relation->relid, table, conditions, note);
    }
  }
  filters.all_equal = filters.others == NIL;
  return filters;
}

bool is_equality(const Node *clause) {
  if (IsA(clause, OpExpr)) {
    const auto *compare = reinterpret_cast<const OpExpr *>(clause);
    return column_compared(clause) != InvalidAttrNumber &&
           op_mergejoinable(compare->opno, exprType(static_cast<Node *>(linitial(compare->args))));
  }
  return IsA(clause, ScalarArrayOpExpr) && reinterpret_cast<const ScalarArrayOpExpr *>(clause)->useOr &&
         column_compared(clause) != InvalidAttrNumber;
}

bool is_filter_id(const Node *node) {
  const auto *call = reinterpret_cast<const FuncExpr *>(node);
  return IsA(node, FuncExpr) && call->funcid == known_filter_id() && list_length(call->args) == 1 &&
         IsA(linitial(call->args), Const);
}

AttrNumber column_compared(const Node *comparison) {
  const List *arguments = IsA(comparison, OpExpr)
                              ? reinterpret_cast<const OpExpr *>(comparison)->args
                              : reinterpret_cast<const ScalarArrayOpExpr *>(comparison)->args;
  if (list_length(arguments) != 2) return InvalidAttrNumber;
  const auto *column = static_cast<const Node *>(linitial(arguments));
  if (IsA(column, RelabelType))
    column = reinterpret_cast<const Node *>(reinterpret_cast<const RelabelType *>(column)->arg);
  if (!IsA(column, Var) || reinterpret_cast<const Var *>(column)->varlevelsup != 0 ||
      contain_var_clause(static_cast<Node *>(lsecond(arguments))))
    return InvalidAttrNumber;
  return reinterpret_cast<const Var *>(column)->varattno;
}

}  // namespace tenancy::pg
