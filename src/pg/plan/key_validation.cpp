#include "pg/plan/key_validation.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/refused.hpp"

namespace tenancy::pg {
namespace {

// The server quotes all names.
constexpr char start_of_validation[] = "SELECT fk.\"";

bool in_alter_table = false;

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

Oid relation_with_alias(const Query *query, const char *alias) {
  const ListCell *cell = nullptr;
  foreach (cell, query->rtable) {
    const auto *entry = static_cast<const RangeTblEntry *>(lfirst(cell));
    if (entry->rtekind == RTE_RELATION && entry->alias != nullptr &&
        strcmp(entry->alias->aliasname, alias) == 0)
      return entry->relid;
  }
  return InvalidOid;
}

// Their values have been read by input functions of their types, which can be users' code.
extern "C" {
static bool has_users_constant(Node *node, void *) {
  if (node == nullptr) return false;
  if (IsA(node, Const)) {
    const Oid type = reinterpret_cast<const Const *>(node)->consttype;
    return type >= FirstNormalObjectId && !type_is_enum(type);
  }
  return IsA(node, Query) ? walk_query(reinterpret_cast<Query *>(node), has_users_constant, nullptr)
                          : walk_expression(node, has_users_constant, nullptr);
}
}

bool is_table(Oid relation) {
  const char kind = get_rel_relkind(relation);
  return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
}

bool is_filtered(Oid relation) {
  return check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED &&
         OidIsValid(get_relation_policy_oid(relation, "tenancy_select", true));
}

}  // namespace

void validation_begins(const Node *command) {
  validation_ends();
  if (!IsA(command, AlterTableStmt)) return;
  const auto *statement = reinterpret_cast<const AlterTableStmt *>(command);
  const AlterTableCmd *attached = attachment(statement);
  if (attached != nullptr && !has_bypassrls_privilege(GetUserId()))
    take_foreign_keys(statement->relation, reinterpret_cast<const PartitionCmd *>(attached->def)->name);
  in_alter_table = true;  // now: the commands above have ended
}

void validation_ends() { in_alter_table = false; }

bool is_exempt_validation(const char *text, Query *query) {
  if (!in_alter_table || InNoForceRLSOperation() || text == nullptr || query->commandType != CMD_SELECT ||
      strncmp(text, start_of_validation, strlen(start_of_validation)) != 0)
    return false;
  const Oid tables[] = {relation_with_alias(query, "fk"), relation_with_alias(query, "pk")};
  if (!OidIsValid(tables[0]) || !OidIsValid(tables[1])) return false;
  if (list_length(query->rtable) == 3 && is_table(tables[0]) && is_table(tables[1]) && !query->hasSubLinks &&
      !has_users_constant(reinterpret_cast<Node *>(query), nullptr))
    return true;
  for (const Oid table : tables)
    if (is_filtered(table))
      ereport(ERROR, (refused(Refused::filtered_owner),
                      errmsg("row security hides rows of table \"%s\" from role \"%s\"", get_rel_name(table),
                             GetUserNameFromId(GetUserId(), false)),
                      errdetail("A foreign key cannot be validated without them."),
                      errhint("Use a role with BYPASSRLS.")));
  return false;
}

}  // namespace tenancy::pg
