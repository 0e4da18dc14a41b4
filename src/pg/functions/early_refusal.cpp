// Some commands lock a table that they name before the server asks whether the role may give them: CREATE
// RULE so strongly that everybody else's queries wait behind it, for as long as it waits itself, for another
// transaction of the same role perhaps. On a table that every session reads, anybody who may connect could so
// stop all tenants. They are refused here, with the server's own error, before any lock. So is DDL where the
// guard rails would not see it.

#include "pg/functions/early_refusal.hpp"

#include "pg/functions/column_types.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "parser/parse_type.h"
#include "tcop/utility.h"
#include "utils/acl.h"
}

namespace tenancy::pg {
namespace {

ProcessUtility_hook_type next_utility = nullptr;

// The name says from here on in which schema it has been found: the server resolves it once more, perhaps
// after it has waited for a lock, and could find another table by then, if this one has been renamed.
Oid found(RangeVar *name) {
  const Oid relation = name == nullptr ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
  if (!OidIsValid(relation) || name->schemaname != nullptr) return relation;
  if (const char *schema = get_namespace_name(get_rel_namespace(relation)); schema != nullptr)
    name->schemaname = MemoryContextStrdup(GetMemoryChunkContext(name), schema);
  return relation;
}

// The same of a name in parts, of which the last can be a column's.
Oid found(List *names, int length) {
  RangeVar *name = makeRangeVarFromNameList(list_copy_head(names, length));
  const bool is_qualified = name->schemaname != nullptr;
  const Oid relation = found(name);
  if (!is_qualified && name->schemaname != nullptr) {
    const MemoryContext former = MemoryContextSwitchTo(GetMemoryChunkContext(names));
    names = lcons(makeString(pstrdup(name->schemaname)), names);  // in place
    MemoryContextSwitchTo(former);
  }
  return relation;
}

void require_owner(Oid relation) {
  if (OidIsValid(relation) && !owns_relation(relation, GetUserId()))
    aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)),
                   get_rel_name(relation));
}

void require_owners(const List *names) {
  const ListCell *cell = nullptr;
  foreach (cell, names)
    if (IsA(lfirst(cell), RangeVar)) require_owner(found(lfirst_node(RangeVar, cell)));
}

void require_trigger(Oid relation) {
  if (OidIsValid(relation) && pg_class_aclcheck(relation, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
    aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relation)), get_rel_name(relation));
}

Oid creation_namespace(const RangeVar *made) {
  if (made->schemaname != nullptr) return get_namespace_oid(made->schemaname, true);
  const List *path = fetch_search_path(false);
  return path == NIL ? InvalidOid : linitial_oid(path);
}

// A key to the table that is being made isn't one to another of that name, unless that is found first.
bool is_itself(const RangeVar *referenced, const RangeVar *made) {
  if (made == nullptr || strcmp(referenced->relname, made->relname) != 0) return false;
  if (referenced->schemaname != nullptr)
    return made->schemaname != nullptr && strcmp(referenced->schemaname, made->schemaname) == 0;
  const Oid other = RangeVarGetRelid(referenced, NoLock, true);
  if (!OidIsValid(other) || made->relpersistence == RELPERSISTENCE_TEMP) return true;
  const Oid its = creation_namespace(made);
  const ListCell *cell = nullptr;
  foreach (cell, fetch_search_path(true)) {
    if (lfirst_oid(cell) == its) return true;
    if (lfirst_oid(cell) == get_rel_namespace(other)) return false;
  }
  return false;
}

// Of the table, or of columns, some of which the key may name.
void require_references(const Node *part, const RangeVar *made) {
  if (!IsA(part, Constraint)) return;
  const auto *constraint = reinterpret_cast<const Constraint *>(part);
  if (constraint->contype != CONSTR_FOREIGN || is_itself(constraint->pktable, made)) return;
  const Oid relation = found(constraint->pktable);
  if (OidIsValid(relation) && pg_class_aclcheck(relation, GetUserId(), ACL_REFERENCES) != ACLCHECK_OK &&
      pg_attribute_aclcheck_all(relation, GetUserId(), ACL_REFERENCES, ACLMASK_ANY) != ACLCHECK_OK)
    aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relation)), get_rel_name(relation));
}

void require_references_of(const Node *element, const RangeVar *made) {
  require_references(element, made);
  if (!IsA(element, ColumnDef)) return;
  const ListCell *cell = nullptr;
  foreach (cell, reinterpret_cast<const ColumnDef *>(element)->constraints)
    require_references(static_cast<Node *>(lfirst(cell)), made);
}

void examine(const CreateStmt *statement) {
  require_owners(statement->inhRelations);
  const ListCell *cell = nullptr;
  foreach (cell, statement->tableElts)
    require_references_of(static_cast<Node *>(lfirst(cell)), statement->relation);
}

// The owner of a partitioned table may detach partitions of other owners.
void require_partition(Oid partition, Oid table) {
  if (!OidIsValid(partition) || !OidIsValid(table)) return;
  if (get_rel_relispartition(partition) && get_partition_parent(partition, true) == table) return;
  require_owner(partition);
}

// CLUSTER and REPLICA IDENTITY name an index of the table, which the server finds in the table's schema, and
// locks before it asks whose it is.
void require_index(RangeVar *table_name, const char *index_name) {
  const Oid table = found(table_name);
  if (index_name == nullptr || !OidIsValid(table)) return;
  const Oid index = get_relname_relid(index_name, get_rel_namespace(table));
  if (OidIsValid(index) &&
      (get_rel_relkind(index) != RELKIND_INDEX || IndexGetRelation(index, true) != table))
    require_owner(index);
}

void examine(const AlterTableStmt *statement) {
  const ListCell *cell = nullptr;
  foreach (cell, statement->cmds) {
    const auto *part = static_cast<const AlterTableCmd *>(lfirst(cell));
    if (part->subtype == AT_ClusterOn) require_index(statement->relation, part->name);
    if (part->def == nullptr) continue;
    if (part->subtype == AT_ReplicaIdentity)
      require_index(statement->relation, reinterpret_cast<const ReplicaIdentityStmt *>(part->def)->name);
    if (IsA(part->def, PartitionCmd)) {
      const Oid partition = found(reinterpret_cast<const PartitionCmd *>(part->def)->name);
      if (part->subtype == AT_AttachPartition)
        require_owner(partition);
      else
        require_partition(partition, found(statement->relation));
    } else if (part->subtype == AT_AddInherit) {
      require_owner(found(reinterpret_cast<RangeVar *>(part->def)));
    } else if (part->subtype == AT_AddConstraint || part->subtype == AT_AddColumn) {
      require_references_of(part->def, nullptr);
    }
  }
}

// COMMENT, SECURITY LABEL, ALTER EXTENSION ... ADD
void examine(ObjectType type, const Node *object) {
  if (object == nullptr || !IsA(object, List)) return;
  auto *names = const_cast<List *>(reinterpret_cast<const List *>(object));
  int length = list_length(names);
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_INDEX:
    case OBJECT_SEQUENCE:
    case OBJECT_FOREIGN_TABLE:
      break;
    case OBJECT_COLUMN:
      if (--length == 0) return;
      break;
    default:
      return;
  }
  require_owner(found(names, length));
}

// The owner of a publication may take out of it any table that is in it.
void examine_publication(const List *objects, Oid taken_out_of) {
  const ListCell *cell = nullptr;
  foreach (cell, objects) {
    const auto *object = static_cast<const PublicationObjSpec *>(lfirst(cell));
    if (object->pubtable == nullptr) continue;
    const Oid relation = found(object->pubtable->relation);
    if (!OidIsValid(taken_out_of) ||
        !SearchSysCacheExists2(PUBLICATIONRELMAP, ObjectIdGetDatum(relation), ObjectIdGetDatum(taken_out_of)))
      require_owner(relation);
  }
}

bool may_maintain(Oid relation) {
  if (owns_relation(relation, GetUserId())) return true;
#ifdef ACL_MAINTAIN
  if (pg_class_aclcheck(relation, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK) return true;
#endif
  return owns_database(MyDatabaseId, GetUserId());
}

// VACUUM and ANALYZE of a partitioned table lock each partition before they ask whether they may have it.
void examine(const VacuumStmt *statement) {
  const ListCell *cell = nullptr;
  foreach (cell, statement->rels) {
    const Oid relation = found(lfirst_node(VacuumRelation, cell)->relation);
    if (!OidIsValid(relation) || get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE) continue;
    const ListCell *member = nullptr;
    foreach (member, find_all_inheritors(relation, NoLock, nullptr))
      if (!may_maintain(lfirst_oid(member))) require_owner(lfirst_oid(member));
  }
}

Oid find_type(List *names) {
  const Type type = LookupTypeName(nullptr, makeTypeNameFromNameList(names), nullptr, true);
  if (type == nullptr) return InvalidOid;
  const Oid found = typeTypeId(type);
  ReleaseSysCache(type);
  return found;
}

// The server checks all rows against what is asked of a domain's values. ADD is judged by the constraint that
// it has made.
void examine(const AlterDomainStmt *statement) {
  if (statement->subtype == 'O' || statement->subtype == 'V')
    require_tables_with_type(find_type(statement->typeName));
}

// Rows that have the value say something else from then on.
void examine(const AlterEnumStmt *statement) {
  if (statement->oldVal != nullptr) require_tables_with_type(find_type(statement->typeName));
}

void examine(const RenameStmt *statement) {
  if (statement->renameType != OBJECT_ATTRIBUTE && statement->renameType != OBJECT_COLUMN) return;
  const Oid relation = found(statement->relation);
  if (!OidIsValid(relation)) return;
  const ListCell *cell = nullptr;
  foreach (cell, find_all_inheritors(relation, NoLock, nullptr))
    require_tables_with_type(get_rel_type_id(lfirst_oid(cell)));
}

void examine_command(Node *command) {
  switch (nodeTag(command)) {
    case T_RenameStmt:
      return examine(reinterpret_cast<const RenameStmt *>(command));
    case T_AlterDomainStmt:
      return examine(reinterpret_cast<const AlterDomainStmt *>(command));
    case T_AlterEnumStmt:
      return examine(reinterpret_cast<const AlterEnumStmt *>(command));
    case T_RuleStmt:
      return require_owner(found(reinterpret_cast<const RuleStmt *>(command)->relation));
    case T_CreateTrigStmt:
      return require_trigger(found(reinterpret_cast<const CreateTrigStmt *>(command)->relation));
    case T_CreateStatsStmt:
      return require_owners(reinterpret_cast<const CreateStatsStmt *>(command)->relations);
    case T_CreateStmt:
      return examine(reinterpret_cast<const CreateStmt *>(command));
    case T_CreateForeignTableStmt:
      return examine(&reinterpret_cast<const CreateForeignTableStmt *>(command)->base);
    case T_VacuumStmt:
      return examine(reinterpret_cast<const VacuumStmt *>(command));
    case T_AlterTableStmt:
      return examine(reinterpret_cast<const AlterTableStmt *>(command));
    case T_CommentStmt: {
      const auto *comment = reinterpret_cast<const CommentStmt *>(command);
      return examine(comment->objtype, comment->object);
    }
    case T_SecLabelStmt: {
      const auto *label = reinterpret_cast<const SecLabelStmt *>(command);
      return examine(label->objtype, label->object);
    }
    case T_AlterExtensionContentsStmt: {
      const auto *change = reinterpret_cast<const AlterExtensionContentsStmt *>(command);
      return examine(change->objtype, change->object);
    }
    case T_AlterObjectDependsStmt: {
      const auto *change = reinterpret_cast<const AlterObjectDependsStmt *>(command);
      if (change->objectType == OBJECT_INDEX || change->objectType == OBJECT_MATVIEW)
        require_owner(found(change->relation));
      return;
    }
    case T_CreatePublicationStmt:
      return examine_publication(reinterpret_cast<const CreatePublicationStmt *>(command)->pubobjects,
                                 InvalidOid);
    case T_AlterPublicationStmt: {
      const auto *change = reinterpret_cast<const AlterPublicationStmt *>(command);
      const bool takes_out = change->action == AP_DropObjects;
      return examine_publication(change->pubobjects,
                                 takes_out ? get_publication_oid(change->pubname, true) : InvalidOid);
    }
    case cluster_statement_tag: {
      const auto *cluster = reinterpret_cast<const ClusterStatement *>(command);
      return require_index(clustered_table(cluster), cluster->indexname);
    }
    default:
      return;
  }
}

bool is_temporary(const RangeVar *name) {
  const Oid relation = RangeVarGetRelid(name, NoLock, true);
  return OidIsValid(relation) && get_rel_persistence(relation) == RELPERSISTENCE_TEMP;
}

// REFRESH MATERIALIZED VIEW ... CONCURRENTLY adds a column to a temporary table of its own, and drops it.
bool is_of_refresh(const Node *command) {
  const ListCell *cell = nullptr;
  if (IsA(command, AlterTableStmt)) {
    const auto *statement = reinterpret_cast<const AlterTableStmt *>(command);
    foreach (cell, statement->cmds)
      if (lfirst_node(AlterTableCmd, cell)->subtype != AT_AddColumn) return false;
    return is_temporary(statement->relation);
  }
  if (!IsA(command, DropStmt)) return false;
  const auto *statement = reinterpret_cast<const DropStmt *>(command);
  if (statement->removeType != OBJECT_TABLE) return false;
  foreach (cell, statement->objects)
    if (!is_temporary(makeRangeVarFromNameList(lfirst_node(List, cell)))) return false;
  return true;
}

// In REFRESH MATERIALIZED VIEW the server collects no commands for event triggers, so that guard rails would
// not see what the view owner's code does. Code of a table's owner also runs in the midst of functions that
// have checked the table, in the same transaction, so that no lock keeps it from changing the table.
// Triggers, casts and predicates have no need of DDL. What SET CONSTRAINTS defers stays deferred for whatever
// comes later in the transaction, where nothing may be deferred.
void refuse_restricted(Node *command) {
  const bool defers =
      IsA(command, ConstraintsSetStmt) && reinterpret_cast<ConstraintsSetStmt *>(command)->deferred;
  if (!InSecurityRestrictedOperation() || is_of_refresh(command) ||
      (!defers && GetCommandLogLevel(command) != LOGSTMT_DDL))
    return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("cannot execute %s within security-restricted operation",
                         GetCommandTagName(CreateCommandTag(command)))));
}

extern "C" {
static void run_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                        ProcessUtilityContext context, ParamListInfo parameters,
                        QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion) {
  if (!creating_extension) {
    refuse_restricted(statement->utilityStmt);
    // The server would copy it otherwise.
    if (read_only_tree) statement = copyObject(statement);
    read_only_tree = false;
    examine_command(statement->utilityStmt);
  }
  const auto run = next_utility != nullptr ? next_utility : standard_ProcessUtility;
  run(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
}
}

}  // namespace

void register_early_refusal() {
  next_utility = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
}

}  // namespace tenancy::pg
