#include "pg/plan/key_validation.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/refused.hpp"

namespace tenancy::pg {
namespace {

// The server quotes all names.
constexpr char start_of_validation[] = "SELECT fk.\"";

// How many ALTER TABLE are running, one within the other. One that failed may count until the transaction
// ends: what that exempts is read by the tables' owner alone.
int alter_tables = 0;

const AlterTableCmd *attachment(const AlterTableStmt *statement) {
  if (list_length(statement->cmds) != 1) return nullptr;
  const auto *part = static_cast<const AlterTableCmd *>(linitial(statement->cmds));
  return part->subtype == AT_AttachPartition && IsA(part->def, PartitionCmd) ? part : nullptr;
}

void take_foreign_keys(const RangeVar *parent, const RangeVar *partition) {
  const Oid tables[] = {RangeVarGetRelid(parent, NoLock, true), RangeVarGetRelid(partition, NoLock, true)};
  if (!OidIsValid(tables[0]) || !OidIsValid(tables[1])) return;
  Oid types[] = {OIDOID, OIDOID};
  Datum values[] = {ObjectIdGetDatum(tables[0]), ObjectIdGetDatum(tables[1])};
  const char *call = psprintf("SELECT %s.take_foreign_keys($1, $2)", schema_of_steps());
  SPI_connect();
  SPI_execute_with_args(call, 2, types, values, nullptr, false, 0);
  SPI_finish();
}

RangeTblEntry *table_with_alias(const Query *query, const char *alias) {
  const ListCell *cell = nullptr;
  foreach (cell, query->rtable) {
    auto *entry = static_cast<RangeTblEntry *>(lfirst(cell));
    if (entry->rtekind == RTE_RELATION && entry->alias != nullptr &&
        strcmp(entry->alias->aliasname, alias) == 0)
      return entry;
  }
  return nullptr;
}

// Their values have been read by input functions of their types, which can be users' code.
extern "C" {
static bool has_users_constant(Node *node, void *) {
  if (node == nullptr) return false;
  if (IsA(node, Const)) {
    const Oid type = reinterpret_cast<const Const *>(node)->consttype;
    return type >= FirstNormalObjectId && !type_is_enum(type);
  }
  return IsA(node, SubLink) || walk_expression(node, has_users_constant, nullptr);
}
}

bool is_table(const RangeTblEntry *entry) {
  return entry->relkind == RELKIND_RELATION || entry->relkind == RELKIND_PARTITIONED_TABLE;
}

bool is_filtered(Oid relation) {
  return check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED &&
         OidIsValid(get_relation_policy_oid(relation, "tenancy_select", true));
}

bool is_validation(const char *text, const Query *query) {
  return alter_tables > 0 && text != nullptr && query->commandType == CMD_SELECT &&
         strncmp(text, start_of_validation, strlen(start_of_validation)) == 0 &&
         table_with_alias(query, "fk") != nullptr && table_with_alias(query, "pk") != nullptr;
}

// Before it is rewritten, and after: row security adds to the tables only.
bool is_exempt(const Query *query) {
  return list_length(query->rtable) == 3 && is_table(table_with_alias(query, "fk")) &&
         is_table(table_with_alias(query, "pk")) &&
         !has_users_constant(reinterpret_cast<Node *>(query->targetList), nullptr) &&
         !has_users_constant(reinterpret_cast<Node *>(query->jointree), nullptr);
}

}  // namespace

void validation_begins(const Node *command) {
  if (!IsA(command, AlterTableStmt)) return;
  const auto *statement = reinterpret_cast<const AlterTableStmt *>(command);
  const AlterTableCmd *attached = attachment(statement);
  if (attached != nullptr && !has_bypassrls_privilege(GetUserId()))
    take_foreign_keys(statement->relation, reinterpret_cast<const PartitionCmd *>(attached->def)->name);
  alter_tables++;
}

void validation_ends(const Node *command) {
  if (IsA(command, AlterTableStmt) && alter_tables > 0) alter_tables--;
}

void all_validation_ends() { alter_tables = 0; }

void check_validation(const char *text, const Query *query) {
  if (!is_validation(text, query) || is_exempt(query)) return;
  const RangeTblEntry *const tables[] = {table_with_alias(query, "fk"), table_with_alias(query, "pk")};
  for (const RangeTblEntry *table : tables)
    if (is_filtered(table->relid))
      ereport(ERROR, (refused(Refused::filtered_owner),
                      errmsg("row security hides rows of table \"%s\" from role \"%s\"",
                             get_rel_name(table->relid), GetUserNameFromId(GetUserId(), false)),
                      errdetail("A foreign key cannot be validated without them."),
                      errhint("Use a role with BYPASSRLS.")));
}

void exempt_validation(const char *text, const Query *query) {
  if (!is_validation(text, query) || !is_exempt(query)) return;
  RangeTblEntry *const tables[] = {table_with_alias(query, "fk"), table_with_alias(query, "pk")};
  for (RangeTblEntry *table : tables)
    if (owns_relation(table->relid, GetUserId())) table->securityQuals = NIL;
}

}  // namespace tenancy::pg
