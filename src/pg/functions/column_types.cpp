#include "pg/functions/column_types.hpp"

#include "pg/functions/type_uses.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "catalog/objectaccess.h"
#include "catalog/pg_constraint.h"
#include "commands/extension.h"
#include "utils/acl.h"
}

namespace tenancy::pg {
namespace {

object_access_hook_type next_access = nullptr;

bool is_filtered(Oid table) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
  if (!HeapTupleIsValid(row)) return false;
  const bool result = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relrowsecurity;
  ReleaseSysCache(row);
  return result;
}

bool is_of_others(Oid table) { return is_filtered(table) && !owns_relation(table, GetUserId()); }

// As it is now, in the middle of the command that makes it. InvalidOid for a constraint of a table.
Oid domain_of(Oid constraint) {
  const Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(constraint));
  const SysScanDesc scan = systable_beginscan(constraints, ConstraintOidIndexId, true, SnapshotSelf, 1, &key);
  Oid domain = InvalidOid;
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row))
    domain = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(row))->contypid;
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
  return domain;
}

void examine(ObjectAccessType access, Oid catalog, Oid object, int column) {
  if (catalog == ConstraintRelationId && access == OAT_POST_CREATE) {
    if (const Oid domain = domain_of(object); OidIsValid(domain)) require_tables_with_type(domain);
  } else if (catalog == RelationRelationId && access == OAT_DROP && column > 0 && is_of_others(object)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be owner of table %s", get_rel_name(object)),
                    errdetail("Its column \"%s\" would be dropped.",
                              get_attname(object, static_cast<AttrNumber>(column), false))));
  }
}

extern "C" {
static void accessed(ObjectAccessType access, Oid catalog, Oid object, int column, void *argument) {
  if (next_access != nullptr) next_access(access, catalog, object, column, argument);
  if (configuration.guard_rails && !IsBinaryUpgrade && !creating_extension)
    examine(access, catalog, object, column);
}
}

}  // namespace

void require_tables_with_type(Oid type) {
  // A domain that is being made has no values yet, and who doesn't own the type gets the server's error.
  if (superuser() || !SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)) || !owns_type(type, GetUserId()))
    return;
  for (const Oid table : tables_with_type(type).span())
    if (is_of_others(table))
      ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                      errmsg("must be owner of table %s", get_rel_name(table)),
                      errdetail("It has values of type %s, of rows that row security may hide from the role.",
                                format_type_be(type))));
}

void register_column_types() {
  next_access = object_access_hook;
  object_access_hook = accessed;
}

}  // namespace tenancy::pg
