// For guard rails and advise(): whether a table's policies are still as protect() made them.

#include "pg/functions/table_protection.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/functions/child_table.hpp"
#include "pg/plan/row_filter_functions.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "commands/policy.h"
#include "rewrite/rowsecurity.h"
#include "tcop/deparse_utility.h"
#include "utils/aclchk_internal.h"
}

namespace tenancy::pg {
namespace {

constexpr const char *policy_names[] = {"tenancy_select", "tenancy_insert", "tenancy_update",
                                        "tenancy_delete"};
constexpr int policy_count = lengthof(policy_names);
constexpr char policy_commands[] = {ACL_SELECT_CHR, ACL_INSERT_CHR, ACL_UPDATE_CHR, ACL_DELETE_CHR};

const char *constant_text(const Node *node) {
  if (!IsA(node, Const)) return nullptr;
  const auto *constant = reinterpret_cast<const Const *>(node);
  if (constant->constisnull || constant->consttype != TEXTOID) return nullptr;
  return TextDatumGetCString(constant->constvalue);
}

bool read_call(const Expr *expression, const char *function, PolicyCall &call) {
  if (expression == nullptr || !IsA(expression, FuncExpr)) return false;
  const auto *policy_call = reinterpret_cast<const FuncExpr *>(expression);
  if (!is_our_function(policy_call->funcid, function) ||
      list_length(policy_call->args) < row_function_arguments)
    return false;
  if (list_length(policy_call->args) > with_organization_argument) {
    const auto *argument = static_cast<Node *>(list_nth(policy_call->args, with_organization_argument));
    if (!IsA(argument, Const)) return false;
    call.with_organization = DatumGetBool(reinterpret_cast<const Const *>(argument)->constvalue);
  }
  call.options = "";
  if (list_length(policy_call->args) > options_argument) {
    call.options = constant_text(static_cast<Node *>(list_nth(policy_call->args, options_argument)));
    if (call.options == nullptr) return false;
  }
  call.resource = constant_text(static_cast<Node *>(list_nth(policy_call->args, resource_argument)));
  call.command = constant_text(static_cast<Node *>(list_nth(policy_call->args, command_argument)));
  if (call.resource == nullptr || call.command == nullptr) return false;
  for (int i = 0; i < 4; i++) {
    const auto *argument = static_cast<Node *>(list_nth(policy_call->args, first_column_argument + i));
    while (IsA(argument, RelabelType))
      argument = reinterpret_cast<Node *>(reinterpret_cast<const RelabelType *>(argument)->arg);
    if (IsA(argument, Var))
      call.columns[i] = reinterpret_cast<const Var *>(argument)->varattno;
    else if (exprType(argument) == UNKNOWNOID)
      call.columns[i] = InvalidAttrNumber;
    else
      return false;
  }
  return true;
}

// Policies for other commands than SELECT don't allow shared rows.
bool are_same(const RowShape &one, const RowShape &standard) {
  return !one.shared && one.workspace_decides == standard.workspace_decides;
}

bool is_same(const PolicyCall &one, const PolicyCall &other, const char *command) {
  return strcmp(one.resource, other.resource) == 0 && strcmp(one.command, command) == 0 &&
         memcmp(one.columns, other.columns, sizeof one.columns) == 0 &&
         are_same(row_options(one.options), row_options(other.options));
}

// parent_visible(child, number, key)
bool read_parent_call(const Node *node, Oid relation, int &number, AttrNumber &key) {
  if (!IsA(node, FuncExpr)) return false;
  const auto *call = reinterpret_cast<const FuncExpr *>(node);
  if (!is_our_function(call->funcid, "parent_visible") || list_length(call->args) != 3) return false;
  const auto *child = static_cast<Node *>(linitial(call->args));
  const auto *parent = static_cast<Node *>(lsecond(call->args));
  const auto *column = static_cast<Node *>(lthird(call->args));
  if (!IsA(child, Const) || !IsA(parent, Const) || !IsA(column, Var)) return false;
  number = DatumGetInt32(reinterpret_cast<const Const *>(parent)->constvalue);
  key = reinterpret_cast<const Var *>(column)->varattno;
  return DatumGetObjectId(reinterpret_cast<const Const *>(child)->constvalue) == relation;
}

// The condition of a policy on the resulting row: a condition on its own columns, and visible parents.
struct Check {
  PolicyCall call;
  int parents;  // those from the one numbered `first`
  int first;
  AttrNumber keys[max_parents];
};

bool read_check(Expr *expression, Oid relation, Check &check) {
  if (expression == nullptr) return false;
  if (!IsA(expression, BoolExpr)) return read_call(expression, "row_accepted", check.call);
  const auto *all = reinterpret_cast<const BoolExpr *>(expression);
  if (all->boolop != AND_EXPR ||
      !read_call(static_cast<Expr *>(linitial(all->args)), "row_accepted", check.call))
    return false;
  for (int i = 1; i < list_length(all->args); i++) {
    int number = 0;
    AttrNumber key = InvalidAttrNumber;
    if (check.parents == max_parents ||
        !read_parent_call(static_cast<Node *>(list_nth(all->args, i)), relation, number, key))
      return false;
    if (check.parents == 0) check.first = number;
    if (number != check.first + check.parents) return false;
    check.keys[check.parents++] = key;
  }
  return true;
}

bool are_same_parents(const Check &one, const Check &other) {
  return one.parents == other.parents && one.first == other.first &&
         memcmp(one.keys, other.keys, sizeof one.keys) == 0;
}

bool is_for_everybody(const RowSecurityPolicy *policy) {
  return ARR_DIMS(policy->roles)[0] == 1 &&
         reinterpret_cast<Oid *>(ARR_DATA_PTR(policy->roles))[0] == ACL_ID_PUBLIC;
}

// Whether the policy is what protect() makes for its command. The SELECT policy is read first, and the
// others must agree with it.
bool is_as_made(const RowSecurityPolicy *policy, int which, Oid relation, PolicyCall &standard,
                Check &inserted) {
  if (!policy->permissive || policy->polcmd != policy_commands[which] || !is_for_everybody(policy))
    return false;
  PolicyCall rows{};
  Check left{};
  switch (policy->polcmd) {
    case ACL_SELECT_CHR:
      return policy->with_check_qual == nullptr && read_call(policy->qual, "row_visible", standard) &&
             !row_options(standard.options).from_parent &&
             (strcmp(standard.command, "view") == 0 || strcmp(standard.command, "list") == 0);
    case ACL_INSERT_CHR:
      return policy->qual == nullptr && read_check(policy->with_check_qual, relation, inserted) &&
             is_same(inserted.call, standard, "insert");
    case ACL_UPDATE_CHR:
      return read_call(policy->qual, "row_visible", rows) && is_same(rows, standard, "update") &&
             read_check(policy->with_check_qual, relation, left) && is_same(left.call, standard, "update") &&
             are_same_parents(left, inserted);
    case ACL_DELETE_CHR:
      return policy->with_check_qual == nullptr && read_call(policy->qual, "row_visible", rows) &&
             is_same(rows, standard, "delete");
    default:
      return false;
  }
}

const RowSecurityPolicy *policy_named(const Relation relation, const char *name) {
  if (relation->rd_rsdesc == nullptr) return nullptr;
  ListCell *cell = nullptr;
  foreach (cell, relation->rd_rsdesc->policies) {
    const auto *policy = static_cast<RowSecurityPolicy *>(lfirst(cell));
    if (strcmp(policy->policy_name, name) == 0) return policy;
  }
  return nullptr;
}

bool is_ours(const char *policy) {
  for (const char *name : policy_names)
    if (strcmp(policy, name) == 0) return true;
  return false;
}

const char *first_other_permissive(const Relation relation) {
  if (relation->rd_rsdesc == nullptr) return nullptr;
  ListCell *cell = nullptr;
  foreach (cell, relation->rd_rsdesc->policies) {
    const auto *policy = static_cast<RowSecurityPolicy *>(lfirst(cell));
    if (policy->permissive && !is_ours(policy->policy_name)) return policy->policy_name;
  }
  return nullptr;
}

// Compares the parents in the policies with those in the triggers; returns the problem, or nullptr.
const char *problem_of_parents(const Relation relation, const Check &inserted, bool &is_child,
                               ChildColumns &columns) {
  const bool from_parent = row_options(inserted.call.options).from_parent;
  is_child = from_parent || inserted.parents > 0;
  if (!is_child) return nullptr;
  if (const char *problem = read_child_columns(relation, columns)) return problem;
  // The row's own columns decide whether the first parent is visible.
  const int first = from_parent ? 1 : 0;
  bool agree =
      inserted.parents == columns.parents - first && (inserted.parents == 0 || inserted.first == first);
  for (int i = 0; agree && i < inserted.parents; i++) agree = inserted.keys[i] == columns.keys[first + i];
  if (!agree) return "its policies and its triggers name different parents";
  return problem_of_child(relation, columns);
}

const char *problem_of(const Relation relation, PolicyCall &standard, Check &inserted) {
  if (!relation->rd_rel->relrowsecurity) return "row security is disabled";
  if (!relation->rd_rel->relforcerowsecurity) return "row security is not forced";
  for (int i = 0; i < policy_count; i++) {
    const RowSecurityPolicy *policy = policy_named(relation, policy_names[i]);
    if (policy == nullptr) return psprintf("policy \"%s\" is missing", policy_names[i]);
    if (!is_as_made(policy, i, RelationGetRelid(relation), standard, inserted))
      return psprintf("policy \"%s\" has been changed", policy_names[i]);
  }
  if (const char *other = first_other_permissive(relation))
    return psprintf("policy \"%s\" is permissive, too", other);
  return nullptr;
}

struct CommandEffects {
  bool opens;            // switches row security off, or no longer forces it
  bool changes_columns;  // may have changed an existing column or its default
  const char *renamed;   // a column, and its new name
  const char *renamed_to;
  bool gives_name;       // by renaming a relation, or moving it to a schema
  List *attached;        // new partitions or children
  List *detached;        // former partitions
  List *granted;         // relations with new grants
  ObjectAddress member;  // what becomes a member of an extension
};

// Whether a part of ALTER TABLE leaves columns and their defaults alone; false for unlisted parts.
bool leaves_columns(AlterTableType kind) {
  switch (kind) {
    case AT_AddIndex:
    case AT_AddConstraint:
    case AT_ValidateConstraint:
    case AT_DropConstraint:
    case AT_ChangeOwner:
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
    case AT_EnableRule:
    case AT_EnableAlwaysRule:
    case AT_EnableReplicaRule:
    case AT_DisableRule:
    case AT_ClusterOn:
    case AT_DropCluster:
    case AT_SetTableSpace:
    case AT_SetStatistics:
    case AT_SetOptions:
    case AT_ResetOptions:
    case AT_AddInherit:
    case AT_DropInherit:
    case AT_ReplicaIdentity:
    case AT_EnableRowSecurity:
    case AT_ForceRowSecurity:
    case AT_AttachPartition:
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      return true;
    default:
      return false;
  }
}

// Partitions attached by this transaction: in some versions the command itself doesn't name them.
List *new_partitions(Oid table) {
  List *partitions = NIL;
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_inherits_inhparent, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
  const Relation inherits = table_open(InheritsRelationId, AccessShareLock);
  const SysScanDesc scan = systable_beginscan(inherits, InheritsParentIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));)
    if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
      partitions = lappend_oid(partitions, reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhrelid);
  systable_endscan(scan);
  table_close(inherits, AccessShareLock);
  return partitions;
}

// Partitions of this name detached by this transaction: the command has no object of theirs, and where its
// name was looked up is no longer known.
List *former_partitions(Oid table, const Node *definition) {
  if (definition == nullptr || !IsA(definition, PartitionCmd)) return NIL;
  const char *name = reinterpret_cast<const PartitionCmd *>(definition)->name->relname;
  List *partitions = NIL;
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_inherits_inhparent, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
  const Relation inherits = table_open(InheritsRelationId, AccessShareLock);
  const SysScanDesc scan = systable_beginscan(inherits, InheritsParentIndexId, true, SnapshotAny, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    const HeapTupleHeader row = tuple->t_data;
    const Oid partition = reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhrelid;
    const char *name_now = get_rel_name(partition);
    if ((row->t_infomask & HEAP_XMAX_INVALID) == 0 && !HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask) &&
        TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(row)) && name_now != nullptr &&
        strcmp(name_now, name) == 0 && !get_rel_relispartition(partition))
      partitions = list_append_unique_oid(partitions, partition);
  }
  systable_endscan(scan);
  table_close(inherits, AccessShareLock);
  return partitions;
}

void add_effects_of_part(CommandEffects &effects, const CollectedATSubcmd *part, Oid table) {
  if (!IsA(part->parsetree, AlterTableCmd)) {
    effects.changes_columns = true;
    return;
  }
  const AlterTableType kind = reinterpret_cast<const AlterTableCmd *>(part->parsetree)->subtype;
  if (kind == AT_DisableRowSecurity || kind == AT_NoForceRowSecurity) effects.opens = true;
  if (kind == AT_AddInherit) effects.attached = lappend_oid(effects.attached, table);
  if (kind == AT_AttachPartition) effects.attached = list_concat(effects.attached, new_partitions(table));
  if (kind == AT_DetachPartition || kind == AT_DetachPartitionFinalize)
    effects.detached =
        list_concat(effects.detached,
                    former_partitions(table, reinterpret_cast<const AlterTableCmd *>(part->parsetree)->def));
  if (!leaves_columns(kind)) effects.changes_columns = true;
}

CommandEffects effects_of(const CollectedCommand *command) {
  CommandEffects effects{};
  ListCell *cell = nullptr;
  switch (command->type) {
    case SCT_AlterTable:
      foreach (cell, command->d.alterTable.subcmds)
        add_effects_of_part(effects, static_cast<CollectedATSubcmd *>(lfirst(cell)),
                            command->d.alterTable.objectId);
      break;
    case SCT_Grant:
      if (command->d.grant.istmt->is_grant && command->d.grant.istmt->objtype == OBJECT_TABLE)
        effects.granted = command->d.grant.istmt->objects;
      break;
    case SCT_Simple:
      if (command->parsetree != nullptr && IsA(command->parsetree, RenameStmt)) {
        const auto *rename = reinterpret_cast<const RenameStmt *>(command->parsetree);
        if (rename->renameType == OBJECT_COLUMN || rename->renameType == OBJECT_ATTRIBUTE) {
          effects.renamed = rename->subname;
          effects.renamed_to = rename->newname;
        } else {
          effects.gives_name = true;
        }
      } else if (command->parsetree != nullptr && IsA(command->parsetree, AlterObjectSchemaStmt)) {
        effects.gives_name = true;
      } else if (command->parsetree != nullptr && IsA(command->parsetree, AlterExtensionContentsStmt) &&
                 reinterpret_cast<const AlterExtensionContentsStmt *>(command->parsetree)->action > 0) {
        effects.member = command->d.simple.secondaryObject;
      }
      break;
    default:
      break;
  }
  return effects;
}

Datum oid_array(const List *oids) {
  PodArray<Datum> items;
  const ListCell *cell = nullptr;
  foreach (cell, oids) items.append(ObjectIdGetDatum(lfirst_oid(cell)));
  return PointerGetDatum(construct_array(items.items, items.count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

}  // namespace

bool read_select_policy(const Relation relation, PolicyCall &call) {
  const RowSecurityPolicy *policy = policy_named(relation, policy_names[0]);
  Check none{};
  return policy != nullptr && is_as_made(policy, 0, RelationGetRelid(relation), call, none);
}

extern "C" {
// The problem of a table's protection (NULL: none), and the present columns of its policies.
PG_FUNCTION_INFO_V1(pg_tenancy_inspect_protection);
Datum pg_tenancy_inspect_protection(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  Datum values[9]{};
  bool nulls[9] = {true, true, true, true, true, true, true, true, true};
  const Relation relation = try_table_open(PG_GETARG_OID(0), AccessShareLock);
  if (relation == nullptr)  // dropped meanwhile
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
  PolicyCall standard{};
  Check inserted{};
  bool is_child = false;
  ChildColumns child{};
  const char *problem = problem_of(relation, standard, inserted);
  if (problem == nullptr) problem = problem_of_parents(relation, inserted, is_child, child);
  if (problem != nullptr) {
    values[0] = CStringGetTextDatum(problem);
    nulls[0] = false;
  } else {
    values[1] = CStringGetTextDatum(standard.resource);
    nulls[1] = false;
    for (int i = 0; i < 4; i++) {
      if (standard.columns[i] == InvalidAttrNumber) continue;
      values[2 + i] = DirectFunctionCall1(
          namein, CStringGetDatum(get_attname(RelationGetRelid(relation), standard.columns[i], false)));
      nulls[2 + i] = false;
    }
    const RowShape options = row_options(standard.options);
    values[7] = BoolGetDatum(options.shared);
    values[8] = BoolGetDatum(options.organization_implied);
    nulls[7] = nulls[8] = false;
    if (is_child) {
      Datum names[max_parents];
      for (int i = 0; i < child.parents; i++)
        names[i] = DirectFunctionCall1(
            namein, CStringGetDatum(get_attname(RelationGetRelid(relation), child.keys[i], false)));
      values[6] =
          PointerGetDatum(construct_array(names, child.parents, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
      nulls[6] = false;
    }
  }
  table_close(relation, AccessShareLock);
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

// For 1.0: whether a command is an ALTER TABLE that switches row security off, or no longer forces it.
PG_FUNCTION_INFO_V1(pg_tenancy_opens_table);
Datum pg_tenancy_opens_table(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(effects_of(reinterpret_cast<const CollectedCommand *>(PG_GETARG_POINTER(0))).opens);
}

// Details of a DDL command for guard rails, beyond the relation that it touched.
PG_FUNCTION_INFO_V1(pg_tenancy_inspect_command);
Datum pg_tenancy_inspect_command(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const CommandEffects effects = effects_of(reinterpret_cast<const CollectedCommand *>(PG_GETARG_POINTER(0)));
  Datum values[] = {
      BoolGetDatum(effects.opens),
      BoolGetDatum(effects.changes_columns),
      effects.renamed == nullptr ? Datum{} : DirectFunctionCall1(namein, CStringGetDatum(effects.renamed)),
      effects.renamed_to == nullptr ? Datum{}
                                    : DirectFunctionCall1(namein, CStringGetDatum(effects.renamed_to)),
      BoolGetDatum(effects.gives_name),
      oid_array(effects.attached),
      oid_array(effects.detached),
      oid_array(effects.granted),
      ObjectIdGetDatum(effects.member.classId),
      ObjectIdGetDatum(effects.member.objectId)};
  bool nulls[lengthof(values)]{};
  nulls[2] = effects.renamed == nullptr;
  nulls[3] = effects.renamed_to == nullptr;
  nulls[8] = nulls[9] = !OidIsValid(effects.member.objectId);
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

// A C function and not current_setting(): before the module is loaded, any session could have set any
// value.
PG_FUNCTION_INFO_V1(pg_tenancy_guard_rails);
Datum pg_tenancy_guard_rails(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(configuration.guard_rails);
}

PG_FUNCTION_INFO_V1(pg_tenancy_former_policy_name);
Datum pg_tenancy_former_policy_name(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const auto *command = reinterpret_cast<const CollectedCommand *>(PG_GETARG_POINTER(0));
  if (command->type != SCT_Simple || !IsA(command->parsetree, RenameStmt)) PG_RETURN_NULL();
  PG_RETURN_DATUM(DirectFunctionCall1(
      namein, CStringGetDatum(reinterpret_cast<const RenameStmt *>(command->parsetree)->subname)));
}
}

}  // namespace tenancy::pg
