#include "pg/plan/refused_write.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/plan/call_site.hpp"
#include "pg/plan/permission_hint.hpp"
#include "pg/plan/plan_guard.hpp"
#include "pg/server/quotable.hpp"

extern "C" {
#include "catalog/partition.h"
}

namespace tenancy::pg {
namespace {

// write_guard()'s arguments, in order.
enum GuardArgument : int {
  stamp_argument,
  not_after_argument,
  accepted_argument,
  check_argument,
  resource_argument_of_guard,
  first_id_argument
};

// Data for refused rows only is packed into one number: planning copies each argument several times, and most
// statements write one row.
enum PackedBit : int {
  check_bit = 32,
  command_bit = 40,
  from_parent_bit = 48,
  workspace_decides_bit,
  first_unused_bit
};

int64 pack(const WriteCheck &check, const RowShape &shape) {
  return static_cast<int64>(uint64{check.relation} | uint64{static_cast<uint8>(check.check)} << check_bit |
                            uint64{static_cast<uint8>(check.command)} << command_bit |
                            uint64{shape.from_parent} << from_parent_bit |
                            uint64{shape.workspace_decides} << workspace_decides_bit);
}

// RETURNS false for a number that pack() does not produce: any login can call write_guard().
bool unpack(uint64 packed, WriteCheck &check, RowShape &shape) {
  const auto part = [packed](int bit) { return static_cast<uint8>(packed >> bit); };
  if (part(check_bit) > static_cast<uint8>(Check::writer) ||
      part(command_bit) > static_cast<uint8>(Command::remove) || packed >> first_unused_bit != 0)
    return false;
  check = {static_cast<Oid>(packed), static_cast<Check>(part(check_bit)),
           static_cast<Command>(part(command_bit))};
  shape.from_parent = (packed >> from_parent_bit & 1) != 0;
  shape.workspace_decides = (packed >> workspace_decides_bit & 1) != 0;
  return true;
}

struct Words {
  const char *detail;
  const char *hint;
};

// --- where a call stands

// RETURNS the parts of a condition connected by AND.
bool is_conjunct(const Node *condition, const FuncExpr *call) {
  if (condition == nullptr) return false;
  if (IsA(condition, FuncExpr)) return is_same_call(reinterpret_cast<const FuncExpr *>(condition), call);
  const List *parts = nullptr;
  if (IsA(condition, List))
    parts = reinterpret_cast<const List *>(condition);
  else if (IsA(condition, BoolExpr) && reinterpret_cast<const BoolExpr *>(condition)->boolop == AND_EXPR)
    parts = reinterpret_cast<const BoolExpr *>(condition)->args;
  const ListCell *cell = nullptr;
  foreach (cell, parts)
    if (const auto *part = static_cast<Node *>(lfirst(cell));
        IsA(part, FuncExpr) && is_same_call(reinterpret_cast<const FuncExpr *>(part), call))
      return true;
  return false;
}

bool check_of_kind(const WithCheckOption *option, bool reads, CmdType command, Check *check) {
  switch (option->kind) {
    case WCO_RLS_INSERT_CHECK:
      *check = reads ? Check::read : Check::insert;
      return true;
    case WCO_RLS_UPDATE_CHECK:
      *check = reads ? Check::read : Check::update;
      return true;
    case WCO_RLS_CONFLICT_CHECK:
      *check = Check::conflict;
      return true;
    case WCO_VIEW_CHECK:
      return false;
    default:
      *check = Check::merge;
      return command == CMD_MERGE;
  }
}

// --- words

const char *actions(const char *resource, Command command, bool *several) {
  StringInfoData list;
  initStringInfo(&list);
  const bool has_view = command != Command::view || is_registered(resource, "view");
  int count = 0;
  for (const std::string_view action : actions_enough_for(command, resource, has_view))
    if (!action.empty() && is_registered(resource, action.data())) {
      appendStringInfo(&list, "%s\"%s.%s\"", count > 0 ? " or " : "", resource, action.data());
      count++;
    }
  *several = count > 1;
  return list.data;
}

const char *actions(const char *resource, Command command) {
  bool several = false;
  return actions(resource, command, &several);
}

const char *command_name(Command command) {
  return command == Command::insert ? "INSERT" : command == Command::remove ? "DELETE" : "UPDATE";
}

const char *column_of(const ProtectedTable &table, int i) {
  constexpr const char *parts[] = {"organization", "workspace", "owner", "API key"};
  return table.column_names[i] != nullptr ? psprintf("Column \"%s\"", table.column_names[i])
                                          : psprintf("The column for the %s", parts[i]);
}

const char *leave_out(Command command) {
  return command == Command::insert ? "Leave the column out, or write DEFAULT, and it is filled in; "
                                      "protect(..., fill_nulls => true) "
                                      "fills in NULL, too."
                                    : "Leave the column as it is.";
}

const char *leave_out_foreign(Command command) {
  return command == Command::insert ? "Leave the column out, or write DEFAULT, and it is filled in."
                                    : "Leave the column as it is.";
}

Words words_of_parent(const ProtectedTable &table) {
  const char *column = table.through_count > 0 ? table.through[0] : "?";
  StringInfoData columns;
  initStringInfo(&columns);
  appendStringInfo(&columns, "\"%s\"", column);
  for (int i = 1; i < table.through_count; i++) appendStringInfo(&columns, ", \"%s\"", table.through[i]);
  return {
      psprintf(
          "The row belongs to the rows that it refers to (%s), and the session does not see all of these.",
          columns.data),
      "Refer to rows that exist, and that the session may view."};
}

// RETURNS the first of the actions that are enough for the command, or nullptr.
const char *action_for(const char *resource, Command command) {
  for (const std::string_view action : actions_enough_for(command, resource, is_registered(resource, "view")))
    if (!action.empty() && is_registered(resource, action.data())) return action.data();
  return nullptr;
}

Words words_for(const Principal &principal, const Judgement &judgement, const char *resource, Command command,
                const ProtectedTable &table) {
  switch (judgement.problem) {
    case WriteProblem::none:
      return {nullptr, nullptr};
    case WriteProblem::no_principal:
      return {"The session has no principal.", hint_for_nobody()};
    case WriteProblem::append_only:
      return {psprintf("No permission of resource \"%s\" allows %s.", resource, command_name(command)),
              "Rows of logs, traces and analytics are not changed by any principal; a resource of your own "
              "needs the action registered."};
    case WriteProblem::no_permission:
      return {psprintf("%s needs %s, which the session does not hold.", command_name(command),
                       actions(resource, command)),
              permission_hint(principal, resource, action_for(resource, command), Uuid{}, true,
                              "tenancy.explain_authorize() says where the right would come from.")};
    case WriteProblem::no_permission_there:
      return {psprintf(table.column_names[id_column::workspace] == nullptr
                           ? "%s needs %s on the organization level, and the session does not hold it there."
                           : "%s needs %s in the row's workspace, and the session does not hold it there.",
                       command_name(command), actions(resource, command)),
              permission_hint(principal, resource, action_for(resource, command), judgement.workspace, false,
                              "tenancy.permissions() lists what the session may do in which workspace.")};
    case WriteProblem::organization_missing:
      return {psprintf("%s is NULL.", column_of(table, id_column::organization)), leave_out(command)};
    case WriteProblem::foreign_organization:
      return {
          psprintf("%s does not name the session's organization.", column_of(table, id_column::organization)),
          leave_out_foreign(command)};
    case WriteProblem::workspace_missing:
      return {psprintf("%s is NULL, and rows without a workspace are written by owners and admins of the "
                       "organization and by its keys.",
                       column_of(table, id_column::workspace)),
              "Name a workspace, or set \"tenancy.workspace\" and leave the column out."};
    case WriteProblem::unknown_workspace:
      return {
          psprintf("%s names no workspace that the session reaches.", column_of(table, id_column::workspace)),
          "tenancy.permissions() lists what the session may do in which workspace."};
    case WriteProblem::not_own:
      return {psprintf("The session's %s reaches its own rows only, and the row would not be one.",
                       actions(resource, command)),
              "Leave the row its owner and API key."};
    case WriteProblem::owner_missing:
      return {psprintf("%s is NULL, and must name the session's user.", column_of(table, id_column::owner)),
              leave_out(command)};
    case WriteProblem::foreign_owner:
      return {psprintf("%s does not name the session's user.", column_of(table, id_column::owner)),
              "Owners and admins can name another member who may view the row; everybody else leaves the "
              "column out."};
    case WriteProblem::owner_given:
      return {
          psprintf("%s must be NULL: the session has no user, or none that the column can hold.",
                   column_of(table, id_column::owner)),
          psprintf("A service key with \"%s.attribute\" can name a member who may view the row.", resource)};
    case WriteProblem::api_key_missing:
      return {
          psprintf("%s is NULL, and must name the session's API key.", column_of(table, id_column::api_key)),
          leave_out(command)};
    case WriteProblem::foreign_api_key:
      return {psprintf("%s does not name the session's API key.", column_of(table, id_column::api_key)),
              leave_out_foreign(command)};
    case WriteProblem::api_key_given:
      return {psprintf("%s must be NULL: the session has no API key, or none that the column can hold.",
                       column_of(table, id_column::api_key)),
              "Leave it NULL."};
    case WriteProblem::unknown_producer:
      return {psprintf("%s names no active member of the organization who may view the row.",
                       column_of(table, id_column::owner)),
              "Whoever has \"team.list\" finds out by tenancy.who_can() who that is."};
    case WriteProblem::api_key_of_another:
      return {psprintf("%s names neither the session's API key nor one of the user that the row names.",
                       column_of(table, id_column::api_key)),
              "Name a key of that user, or leave the column out."};
  }
  return {nullptr, nullptr};
}

// No value of the column would do.
Words words_of_organization_without_id(Oid type) {
  return {psprintf("The organization has no external id that a column of type %s can hold.",
                   format_type_be(type)),
          "Set one with tenancy.update_organization(..., external_id => ...)."};
}

bool is_about_tenant(WriteProblem problem) {
  return problem >= WriteProblem::organization_missing && problem <= WriteProblem::not_own;
}

Words words_of_judgement(const Principal &principal, const Judgement &judgement, const char *resource,
                         Command command, const ProtectedTable &table) {
  // A child row has its parent's tenant: its error must not reveal whether the parent exists.
  if (table.through_count > 0 && is_about_tenant(judgement.problem)) return words_of_parent(table);
  if (OidIsValid(judgement.cannot_name_organization))
    return words_of_organization_without_id(judgement.cannot_name_organization);
  return words_for(principal, judgement, resource, command, table);
}

Words words_of_reading(Principal &principal, const char *resource, Command command) {
  constexpr const char *hint =
      "INSERT reads the row for RETURNING and for ON CONFLICT with a target, UPDATE for WHERE and RETURNING "
      "too; without these it "
      "need not be seen.";
  if (principal.access->anywhere(permissions_for(resource, command)) == Rows::none)
    return {psprintf("The row is read as well, which needs %s, and the session does not hold it.",
                     actions(resource, command)),
            hint};
  return {psprintf("The row is read as well, and the session's %s does not reach it.",
                   actions(resource, command)),
          hint};
}

[[noreturn]] void raise_refused(Oid relation, Check check, const Words &words) {
  const char *name = get_rel_name(relation);
  if (name == nullptr) name = "?";
  const char *message =
      check == Check::merge
          ? "target row violates row-level security policy (USING expression) for table \"%s\""
      : check == Check::conflict
          ? "new row violates row-level security policy (USING expression) for table \"%s\""
          : "new row violates row-level security policy for table \"%s\"";
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg_internal(message, name),
                  words.detail == nullptr ? 0 : errdetail_internal("%s", words.detail),
                  words.hint == nullptr ? 0 : errhint("%s", words.hint)));
  pg_unreachable();
}

const char *text_at(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

// RETURNS true if the row may be written for another user, and false for arguments that planning does not
// produce.
bool judge_or_raise(FunctionCallInfo fcinfo) {
  WriteCheck check{};
  RowShape shape;
  if (PG_ARGISNULL(check_argument) || PG_ARGISNULL(resource_argument_of_guard) ||
      !unpack(static_cast<uint64>(PG_GETARG_INT64(check_argument)), check, shape))
    return false;
  if (check.check == Check::conflict)
    // Says nothing about the existing row, which may be another tenant's.
    raise_refused(check.relation, check.check,
                  {"A row with the same key exists, and the session may not see or change it.",
                   "Choose another key, or use ON CONFLICT DO NOTHING."});
  if (check.check == Check::merge)
    raise_refused(check.relation, check.check,
                  {"The session sees the row, and may not do with it what MERGE would.",
                   "tenancy.permissions() lists what the session may do in which workspace."});
  const char *resource = quotable(text_at(fcinfo, resource_argument_of_guard));
  give_back_numbers();
  Principal *principal = current_principal();
  if (check.check == Check::read)
    raise_refused(check.relation, check.check, words_of_reading(*principal, resource, check.command));
  ProtectedTable table = read_protected_table(check.relation);
  if (check.check == Check::writer) table.column_names[id_column::owner] = table.writer_column;
  const Judgement judgement =
      judge_written_row(*principal, resource, check.command, shape,
                        written_ids_of_call(fcinfo, first_id_argument), table.through_count > 0);
  if (judgement.is_for_another) return true;
  raise_refused(check.relation, check.check,
                words_of_judgement(*principal, judgement, resource, check.command, table));
}

}  // namespace

bool find_write_check(const PlannerInfo *root, const FuncExpr *call, Command command, WriteCheck &found) {
  const Query *query = root->parse;
  if (query->withCheckOptions == NIL || !OidIsValid(write_guard_function())) return false;
  const ListCell *cell = nullptr;
  // The conditions before it are planned and no longer contain the call.
  foreach (cell, query->withCheckOptions) {
    const auto *option = lfirst_node(WithCheckOption, cell);
    const bool is_of_writer = option->polname != nullptr && strcmp(option->polname, "tenancy_writer") == 0;
    if ((option->polname != nullptr && !is_of_writer) || !is_conjunct(option->qual, call)) continue;
    const int result = query->resultRelation;
    if (result < 1 || result > list_length(query->rtable)) return false;
    found.relation = rt_fetch(result, query->rtable)->relid;
    found.command = command;
    if (!check_of_kind(option, command == Command::view || command == Command::list, query->commandType,
                       &found.check))
      return false;
    if (is_of_writer && found.check == Check::insert) found.check = Check::writer;
    return true;
  }
  return false;
}

Expr *explained_check(const WriteCheck &check, const FuncExpr *call, const RowShape &shape, Const *stamp,
                      Const *not_after, Expr *filter) {
  Const *packed =
      makeConst(INT8OID, -1, InvalidOid, 8, Int64GetDatum(pack(check, shape)), false, FLOAT8PASSBYVAL);
  // The call is discarded, so its arguments can be reused.
  const auto argument = [call](int i) { return list_nth(call->args, i); };
  List *arguments = list_make5(stamp, not_after, filter, packed, argument(resource_argument));
  for (int i = first_column_argument; i < row_function_arguments; i++)
    arguments = lappend(arguments, argument(i));
  return reinterpret_cast<Expr *>(makeFuncExpr(write_guard_function(), BOOLOID, arguments, InvalidOid,
                                               DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL));
}

void raise_parent_not_seen(Oid child) {
  raise_refused(child, Check::insert, words_of_parent(read_protected_table(child)));
}

void raise_row_without_parent(Relation child, HeapTuple row, Command command) {
  Oid relation = RelationGetRelid(child);
  ProtectedTable table = read_protected_table(relation);
  if (!table.found && child->rd_rel->relispartition) {
    relation = llast_oid(get_partition_ancestors(relation));
    table = read_protected_table(relation);
  }
  if (!table.found) raise_refused(relation, Check::insert, words_of_parent(table));
  WrittenIds ids{};
  for (int i = 0; i < id_column_count; i++) {
    const AttrNumber column = table.column_names[i] == nullptr
                                  ? InvalidAttrNumber
                                  : get_attnum(RelationGetRelid(child), table.column_names[i]);
    ids.types[i] = UNKNOWNOID;
    ids.nulls[i] = true;
    if (column == InvalidAttrNumber) continue;
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(child), column - 1);
    ids.types[i] = attribute->atttypid;
    ids.collations[i] = attribute->attcollation;
    ids.values[i] = heap_getattr(row, column, RelationGetDescr(child), &ids.nulls[i]);
  }
  RowShape shape;
  shape.workspace_decides = table.workspace_decides;
  shape.from_parent = table.inherits_owner;
  give_back_numbers();
  const Judgement judgement =
      judge_written_row(*current_principal(), table.resource, command, shape, ids, true);
  raise_refused(relation, Check::insert,
                judgement.problem == WriteProblem::none
                    ? words_of_parent(table)
                    : words_of_judgement(*current_principal(), judgement, table.resource, command, table));
}

extern "C" {
// write_guard(stamp, not_after, accepted, check, resource, organization, workspace, owner, api_key)
PG_FUNCTION_INFO_V1(pg_tenancy_write_guard);
Datum pg_tenancy_write_guard(PG_FUNCTION_ARGS) {
  if (!PG_ARGISNULL(stamp_argument) && !PG_ARGISNULL(not_after_argument))
    check_plan_is_current(static_cast<uint64>(PG_GETARG_INT64(stamp_argument)),
                          PG_GETARG_TIMESTAMPTZ(not_after_argument));
  if (likely(!PG_ARGISNULL(accepted_argument) && PG_GETARG_BOOL(accepted_argument))) PG_RETURN_BOOL(true);
  PG_RETURN_BOOL(judge_or_raise(fcinfo));
}

// problem_of_write(relation, options, resource, command, organization, workspace, owner, api_key), for
// explain_write()
PG_FUNCTION_INFO_V1(pg_tenancy_problem_of_write);
Datum pg_tenancy_problem_of_write(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  enum : int { relation, options, resource_name, command_named_argument, first_id };
  const auto command = command_named(text_at(fcinfo, command_named_argument));
  if (!command || (*command != Command::insert && *command != Command::update))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("command \"%s\" writes no row", quotable(text_at(fcinfo, command_named_argument))),
                    errhint("Commands are insert and update.")));
  const char *resource = quotable(text_at(fcinfo, resource_name));
  give_back_numbers();
  Principal *principal = current_principal();
  const ProtectedTable table = read_protected_table(PG_GETARG_OID(relation));
  const Judgement judgement =
      judge_written_row(*principal, resource, *command, row_options(text_at(fcinfo, options)),
                        written_ids_of_call(fcinfo, first_id), table.through_count > 0);
  if (judgement.is_for_another || judgement.problem == WriteProblem::none) PG_RETURN_NULL();
  const Words words = words_of_judgement(*principal, judgement, resource, *command, table);
  PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s %s", words.detail, words.hint)));
}
}

}  // namespace tenancy::pg
