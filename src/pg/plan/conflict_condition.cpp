#include "pg/plan/conflict_condition.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/plannodes.h"
#include "utils/memutils.h"
}

namespace tenancy::pg {
namespace {

ExecutorStart_hook_type next_start = nullptr;

// RETURNS the conditions of policies on the existing row, connected by AND; NIL for none.
List *conditions_on_existing_row(const ModifyTable *insert) {
  List *conditions = NIL;
  const ListCell *cell = nullptr;
  // Partitions use those of the table that the statement names, with columns renumbered.
  foreach (cell, static_cast<List *>(linitial(insert->withCheckOptionLists)))
    if (const auto *check = lfirst_node(WithCheckOption, cell); check->kind == WCO_RLS_CONFLICT_CHECK)
      conditions = list_concat(conditions, reinterpret_cast<List *>(check->qual));
  return conditions;
}

// Whether an earlier run of a kept plan has done it.
bool is_behind(const List *where, const Expr *visible) {
  if (list_length(where) != 1 || !IsA(linitial(where), CaseExpr)) return false;
  const auto *choice = static_cast<const CaseExpr *>(linitial(where));
  return choice->arg == nullptr && list_length(choice->args) == 1 && IsA(choice->defresult, Const) &&
         equal(linitial_node(CaseWhen, choice->args)->expr, visible);
}

// A hidden row passes, so that the server's own check of it raises the error.
void put_behind_policies(ModifyTable *insert) {
  List *conditions = conditions_on_existing_row(insert);
  if (conditions == NIL) return;
  auto *where = reinterpret_cast<List *>(insert->onConflictWhere);
  Expr *visible = make_ands_explicit(conditions);
  if (is_behind(where, visible)) return;
  // The plan may be kept, and so must be what is added to it.
  const MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(insert));
  auto *when = makeNode(CaseWhen);
  when->expr = static_cast<Expr *>(copyObjectImpl(visible));
  when->result = make_ands_explicit(where);
  when->location = -1;
  auto *choice = makeNode(CaseExpr);
  choice->casetype = BOOLOID;
  choice->args = list_make1(when);
  choice->defresult = reinterpret_cast<Expr *>(makeBoolConst(true, false));
  choice->location = -1;
  insert->onConflictWhere = reinterpret_cast<Node *>(list_make1(choice));
  MemoryContextSwitchTo(caller);
}

void put_behind_policies(Plan *top) {
  if (top == nullptr || !IsA(top, ModifyTable)) return;
  auto *insert = reinterpret_cast<ModifyTable *>(top);
  if (insert->onConflictWhere != nullptr && insert->withCheckOptionLists != NIL) put_behind_policies(insert);
}

extern "C" {
// Not after planning: where the module isn't preloaded, the session's first statement is being planned when
// it is loaded.
static void start(QueryDesc *description, int flags) {
  const PlannedStmt *statement = description->plannedstmt;
  if (statement->commandType == CMD_INSERT) put_behind_policies(statement->planTree);
  if (statement->hasModifyingCTE) {
    const ListCell *cell = nullptr;
    foreach (cell, statement->subplans) put_behind_policies(static_cast<Plan *>(lfirst(cell)));
  }
  if (next_start != nullptr)
    next_start(description, flags);
  else
    standard_ExecutorStart(description, flags);
}
}

}  // namespace

void register_conflict_conditions() {
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
}

}  // namespace tenancy::pg
