#include "pg/plan/key_validation.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/refused.hpp"

namespace tenancy::pg {
namespace {

bool in_alter_table = false;

// Whether this constraint is a foreign key of the relation.
bool is_foreign_key(const RangeVar *relation, const char *name) {
  const Oid table = RangeVarGetRelid(relation, NoLock, true);
  if (!OidIsValid(table)) return false;
  const Oid constraint = get_relation_constraint_oid(table, name, true);
  HeapTuple row = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(row)) return false;
  const bool found = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(row))->contype == CONSTRAINT_FOREIGN;
  ReleaseSysCache(row);
  return found;
}

// Commands that run users' code outside of the executor (defaults, USING, checks, expressions of new indexes)
// must not have the exemption.
bool only_validates(const AlterTableStmt *statement) {
  const ListCell *cell = nullptr;
  foreach (cell, statement->cmds) {
    const auto *part = static_cast<const AlterTableCmd *>(lfirst(cell));
    const bool adds = part->subtype == AT_AddConstraint && IsA(part->def, Constraint) &&
                      reinterpret_cast<const Constraint *>(part->def)->contype == CONSTR_FOREIGN;
    const bool validates =
        part->subtype == AT_ValidateConstraint && is_foreign_key(statement->relation, part->name);
    // A key to a partitioned table is validated when one of its partitions goes.
    if (!adds && !validates && part->subtype != AT_DetachPartition) return false;
  }
  return true;
}

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

bool is_filtered(Oid relation) {
  return check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED &&
         OidIsValid(get_relation_policy_oid(relation, "tenancy_select", true));
}

}  // namespace

bool validation_begins(const Node *command) {
  in_alter_table = false;
  if (!IsA(command, AlterTableStmt)) return false;
  const auto *statement = reinterpret_cast<const AlterTableStmt *>(command);
  const AlterTableCmd *attached = attachment(statement);
  if (attached != nullptr && !has_bypassrls_privilege(GetUserId()))
    take_foreign_keys(statement->relation, reinterpret_cast<const PartitionCmd *>(attached->def)->name);
  in_alter_table = true;  // now: the commands above have ended
  return only_validates(statement);
}

void validation_ends() { in_alter_table = false; }

void check_validation(const char *text, const Query *query) {
  if (!in_alter_table || InNoForceRLSOperation() || text == nullptr || query->commandType != CMD_SELECT ||
      strncmp(text, "SELECT fk.", strlen("SELECT fk.")) != 0)
    return;
  const Oid tables[] = {relation_with_alias(query, "fk"), relation_with_alias(query, "pk")};
  if (!OidIsValid(tables[0]) || !OidIsValid(tables[1])) return;
  for (const Oid table : tables)
    if (is_filtered(table))
      ereport(ERROR,
              (refused(Refused::filtered_owner),
               errmsg("row security hides rows of table \"%s\" from role \"%s\"", get_rel_name(table),
                      GetUserNameFromId(GetUserId(), false)),
               errdetail("A foreign key cannot be validated without them."),
               errhint("Put the foreign key into an ALTER TABLE of its own, or use a role with BYPASSRLS.")));
}

}  // namespace tenancy::pg
