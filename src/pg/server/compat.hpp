// Every difference between the supported server versions (15 to 19).
#pragma once

#include "pg/server/pg_prelude.hpp"

extern "C" {
#include "catalog/pg_database.h"
}

// An untried version might evaluate policies differently, and nobody would notice.
#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 200000
#error "pg_tenancy needs PostgreSQL 15, 16, 17, 18 or 19"
#endif

/// The module's magic block. Since 18 pg_get_loaded_modules() shows name and version from it.
#ifdef PG_MODULE_MAGIC_EXT
#define TENANCY_MODULE_MAGIC(its_name, its_version) \
  PG_MODULE_MAGIC_EXT(.name = (its_name), .version = (its_version))
#else
#define TENANCY_MODULE_MAGIC(its_name, its_version) PG_MODULE_MAGIC
#endif

// utils/pg_locale.h is no C++ where the server has ICU, and its declarations differ.
extern "C" struct pg_locale_struct *pg_newlocale_from_collation(Oid collation);

namespace tenancy::pg {

// The JSON parser's callbacks can report failure since 16; ours never do.
#if PG_VERSION_NUM >= 160000
using JsonActionResult = JsonParseErrorType;
inline JsonActionResult json_action_done() { return JSON_SUCCESS; }
#else
using JsonActionResult = void;
inline JsonActionResult json_action_done() {}
#endif

/// Whether statements are printed as they were parsed, before names are looked up; since 19.
inline bool prints_raw_parse() {
#if PG_VERSION_NUM >= 190000
  return Debug_print_raw_parse;
#else
  return false;
#endif
}

/// One of the server's processes as this one has seen them, counted from 1.
inline const PgBackendStatus *seen_process(int number) {
#if PG_VERSION_NUM >= 160000
  return &pgstat_get_local_beentry_by_index(number)->backendStatus;
#else
  return &pgstat_fetch_stat_local_beentry(number)->backendStatus;
#endif
}

/// After an attribute of a descriptor has been written: since 18 a compact form is kept beside it.
inline void attribute_changed(TupleDesc descriptor, int number) {
#if PG_VERSION_NUM >= 180000
  populate_compact_attribute(descriptor, number);
#else
  static_cast<void>(descriptor);
  static_cast<void>(number);
#endif
}

/// After all of its attributes have been written, since 19.
inline void descriptor_changed(TupleDesc descriptor) {
#if PG_VERSION_NUM >= 190000
  TupleDescFinalize(descriptor);
#else
  static_cast<void>(descriptor);
#endif
}

/// Whether this process holds the lock in this mode.
inline bool lock_held_by_me(const LOCKTAG &tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, mode, false);
#else
  return LockHeldByMe(&tag, mode);
#endif
}

/// Calls `visit(tag, modes)` for each lock that this process holds, or waits for, in one partition of the
/// server's lock table, which must be locked.
template <typename Visit>
void visit_own_locks(int partition, Visit visit) {
#if PG_VERSION_NUM >= 160000
  const dlist_node *end = &MyProc->myProcLocks[partition].head;
#else
  const SHM_QUEUE *end = &MyProc->myProcLocks[partition];
#endif
  for (const auto *link = end->next; link != nullptr && link != end; link = link->next) {
    const auto *lock = reinterpret_cast<const PROCLOCK *>(reinterpret_cast<const char *>(link) -
                                                          offsetof(PROCLOCK, procLink));
    visit(lock->tag.myLock->tag, lock->holdMask);
  }
}

/// Whether the role owns the relation, or is a member of its owner.
inline bool owns_relation(Oid relation, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relation, role);
#else
  return pg_class_ownercheck(relation, role);
#endif
}

/// Whether the role owns the database, or is a member of its owner.
inline bool owns_database(Oid database, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(DatabaseRelationId, database, role);
#else
  return pg_database_ownercheck(database, role);
#endif
}

/// Whether the role owns the schema, or is a member of its owner.
inline bool owns_schema(Oid schema, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(NamespaceRelationId, schema, role);
#else
  return pg_namespace_ownercheck(schema, role);
#endif
}

/// Whether the role owns the type, or is a member of its owner.
inline bool owns_type(Oid type, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(TypeRelationId, type, role);
#else
  return pg_type_ownercheck(type, role);
#endif
}

/// The privileges that the statement needs on the relation.
inline AclMode privileges_needed(const PlannedStmt *statement, const RangeTblEntry *relation) {
#if PG_VERSION_NUM >= 160000
  if (relation->perminfoindex == 0) return 0;
  return list_nth_node(RTEPermissionInfo, statement->permInfos, static_cast<int>(relation->perminfoindex) - 1)
      ->requiredPerms;
#else
  (void)statement;
  return relation->requiredPerms;
#endif
}

/// A lexer over UTF-8 that resolves escapes.
inline JsonLexContext *make_json_lexer(char *text, size_t length) {
#if PG_VERSION_NUM >= 170000
  return makeJsonLexContextCstringLen(nullptr, text, length, PG_UTF8, true);
#else
  return makeJsonLexContextCstringLen(text, static_cast<int>(length), PG_UTF8, true);
#endif
}

/// Whether both columns are equal, the outer joins that can make them NULL (since 16) included.
inline bool is_same_column(const Var *one, const Var *other) {
#if PG_VERSION_NUM >= 160000
  if (!bms_equal(one->varnullingrels, other->varnullingrels)) return false;
#endif
  return one->varno == other->varno && one->varattno == other->varattno &&
         one->varlevelsup == other->varlevelsup && one->vartype == other->vartype &&
         one->vartypmod == other->vartypmod && one->varcollid == other->varcollid;
}

/// The collation "POSIX", which has no name in the headers of PostgreSQL 18.
inline constexpr Oid posix_collation = 951;

/// Whether this is crc32() or crc32c(), which came with PostgreSQL 18.
inline bool is_checksum(Oid function) {
#if PG_VERSION_NUM >= 180000
  return function == F_CRC32 || function == F_CRC32C;
#else
  (void)function;
  return false;
#endif
}

/// Whether the walker is true of any part of the expression. Looks after the stack.
inline bool walk_expression(Node *node, bool (*walker)(Node *, void *), void *context) {
#if PG_VERSION_NUM >= 160000
  return expression_tree_walker(node, walker, context);
#else
  // By way of the type that stands for any function.
  auto *any = reinterpret_cast<void (*)()>(walker);
  return expression_tree_walker(node, reinterpret_cast<bool (*)()>(any), context);
#endif
}

/// Likewise of a query, with all that it contains.
inline bool walk_query(Query *query, bool (*walker)(Node *, void *), void *context) {
#if PG_VERSION_NUM >= 160000
  return query_tree_walker(query, walker, context, 0);
#else
  auto *any = reinterpret_cast<void (*)()>(walker);
  return query_tree_walker(query, reinterpret_cast<bool (*)()>(any), context, 0);
#endif
}

/// A copy of the expression, each of whose parts is what the mutator makes of it.
inline Node *mutate_expression(Node *node, Node *(*mutator)(Node *, void *), void *context) {
#if PG_VERSION_NUM >= 160000
  return expression_tree_mutator(node, mutator, context);
#else
  auto *any = reinterpret_cast<void (*)()>(mutator);
  return expression_tree_mutator(node, reinterpret_cast<Node *(*)()>(any), context);
#endif
}

/// Likewise of any state below that of a plan's node.
inline bool walk_plan_states(PlanState *node, bool (*walker)(PlanState *, void *), void *context) {
#if PG_VERSION_NUM >= 160000
  return planstate_tree_walker(node, walker, context);
#else
  auto *any = reinterpret_cast<void (*)()>(walker);
  return planstate_tree_walker(node, reinterpret_cast<bool (*)()>(any), context);
#endif
}

/// The setting of that name, a placeholder for one of a module that isn't loaded included; nullptr for none.
inline config_generic *find_setting(const char *name) {
#if PG_VERSION_NUM >= 160000
  return find_option(name, false, true, 0);
#else
  config_generic **variables = get_guc_variables();
  for (int i = 0; i < GetNumConfigOptions(); i++)
    if (pg_strcasecmp(variables[i]->name, name) == 0) return variables[i];
  return nullptr;
#endif
}

/// The setting's part that is peculiar to settings whose values are texts; it has to be one.
inline config_string *text_of_setting(config_generic *setting) {
#if PG_VERSION_NUM >= 190000
  return &setting->_string;
#else
  return reinterpret_cast<config_string *>(setting);
#endif
}

// Arguments of callbacks and hooks.
#if PG_VERSION_NUM >= 190000
using SyscacheNumber = SysCacheIdentifier;
using QueryJumble = const JumbleState;
#else
using SyscacheNumber = int;
using QueryJumble = JumbleState;
#endif

// The hook after the catalogs have been read for a table of a query, and before a partition or child gets
// copies of its parent's conditions; and its arguments, one of which is called `relation`.
#if PG_VERSION_NUM >= 190000
using RelationReadHook = build_simple_rel_hook_type;
inline RelationReadHook &relation_read_hook() { return build_simple_rel_hook; }
#define TENANCY_RELATION_READ_PARAMETERS PlannerInfo *root, RelOptInfo *relation, RangeTblEntry *entry
#define TENANCY_RELATION_READ_ARGUMENTS root, relation, entry
#else
using RelationReadHook = get_relation_info_hook_type;
inline RelationReadHook &relation_read_hook() { return get_relation_info_hook; }
#define TENANCY_RELATION_READ_PARAMETERS PlannerInfo *root, Oid table, bool is_inherited, RelOptInfo *relation
#define TENANCY_RELATION_READ_ARGUMENTS root, table, is_inherited, relation
#endif

// The hook on permissions of a query's tables, and as whom a table is read: InvalidOid for the current role.
#if PG_VERSION_NUM >= 160000
#define TENANCY_PERMISSION_PARAMETERS List *entries, List *permissions, bool raises
#define TENANCY_PERMISSION_ARGUMENTS entries, permissions, raises
#define TENANCY_PERMISSION_ENTRY(entry) entry, permissions
inline Oid reads_as(const RangeTblEntry *entry, const List *permissions) {
  if (entry->perminfoindex == 0) return InvalidOid;
  return list_nth_node(RTEPermissionInfo, permissions, static_cast<int>(entry->perminfoindex) - 1)
      ->checkAsUser;
}
#else
#define TENANCY_PERMISSION_PARAMETERS List *entries, bool raises
#define TENANCY_PERMISSION_ARGUMENTS entries, raises
#define TENANCY_PERMISSION_ENTRY(entry) entry
inline Oid reads_as(const RangeTblEntry *entry) { return entry->checkAsUser; }
#endif

/// A scan of all rows of a table.
inline TableScanDesc begin_table_scan(Relation table, Snapshot snapshot) {
#if PG_VERSION_NUM >= 190000
  return table_beginscan(table, snapshot, 0, nullptr, SO_NONE);
#else
  return table_beginscan(table, snapshot, 0, nullptr);
#endif
}

// CLUSTER, which is a form of REPACK from 19 on. NULL where it names no table.
#if PG_VERSION_NUM >= 190000
constexpr NodeTag cluster_statement_tag = T_RepackStmt;
using ClusterStatement = RepackStmt;
inline RangeVar *clustered_table(const ClusterStatement *command) {
  return command->relation == nullptr ? nullptr : command->relation->relation;
}
#else
constexpr NodeTag cluster_statement_tag = T_ClusterStmt;
using ClusterStatement = ClusterStmt;
inline RangeVar *clustered_table(const ClusterStatement *command) { return command->relation; }
#endif

// From 18 on, AFTER triggers run as the user whose command queued them, before as that of the outermost
// query.
constexpr bool after_triggers_run_as_who_queued = PG_VERSION_NUM >= 180000;

}  // namespace tenancy::pg
