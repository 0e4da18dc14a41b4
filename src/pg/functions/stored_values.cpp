#include "pg/functions/stored_values.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "commands/extension.h"
#include "utils/acl.h"
#include "utils/rls.h"
}

namespace tenancy::pg {
namespace {

ExecutorCheckPerms_hook_type next_check = nullptr;

bool is_catalog_of_statistics(Oid relation) {
  return relation == StatisticRelationId || relation == StatisticExtDataRelationId;
}

Oid toast_of(Oid table) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
  if (!HeapTupleIsValid(row)) return InvalidOid;
  const Oid toast = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->reltoastrelid;
  ReleaseSysCache(row);
  return toast;
}

bool is_of_statistics(Oid relation) {
  return is_catalog_of_statistics(relation) || relation == toast_of(StatisticRelationId) ||
         relation == toast_of(StatisticExtDataRelationId);
}

// RETURNS the table whose long values are in a TOAST table; InvalidOid for one of the server's own.
Oid table_of(Oid toast) {
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(toast));
  const SysScanDesc scan = systable_beginscan(depend, DependDependerIndexId, true, nullptr, 2, keys);
  Oid table = InvalidOid;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (form->refclassid == RelationRelationId && form->deptype == DEPENDENCY_INTERNAL)
      table = form->refobjid;
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
  return table;
}

bool is_unfiltered(Oid role) { return superuser_arg(role) || has_bypassrls_privilege(role); }

bool is_refused(Oid relation, Oid role) {
  if (is_unfiltered(role)) return false;
  if (is_of_statistics(relation)) return OidIsValid(get_extension_oid("pg_tenancy", true));
  const Oid table = table_of(relation);
  return OidIsValid(table) && check_enable_rls(table, role, true) == RLS_ENABLED;
}

[[noreturn]] void refuse(Oid relation) {
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("permission denied for table %s", get_rel_name(relation)),
                  errdetail("It holds values of rows that row security may hide from the role."),
                  is_of_statistics(relation) ? errhint("Use pg_stats, or a role that has BYPASSRLS.")
                                             : errhint("Read the table that the values are of.")));
  pg_unreachable();
}

extern "C" {
static bool check_permissions(TENANCY_PERMISSION_PARAMETERS) {
  const ListCell *cell = nullptr;
  foreach (cell, entries) {
    const auto *entry = lfirst_node(RangeTblEntry, cell);
    if (entry->rtekind != RTE_RELATION ||
        (entry->relkind != RELKIND_TOASTVALUE && !is_catalog_of_statistics(entry->relid)))
      continue;
    const Oid role = reads_as(TENANCY_PERMISSION_ENTRY(entry));
    if (!is_refused(entry->relid, OidIsValid(role) ? role : GetUserId())) continue;
    if (!raises) return false;
    refuse(entry->relid);
  }
  return next_check == nullptr || next_check(TENANCY_PERMISSION_ARGUMENTS);
}
}

}  // namespace

void register_stored_values() {
  next_check = ExecutorCheckPerms_hook;
  ExecutorCheckPerms_hook = check_permissions;
}

}  // namespace tenancy::pg
