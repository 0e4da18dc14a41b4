#include "pg/functions/column_types.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/functions/type_uses.hpp"
#include "pg/server/compat.hpp"
#include "pg/session/parameters.hpp"

extern "C" {
#include "catalog/objectaccess.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "commands/extension.h"
#include "commands/policy.h"
#include "utils/acl.h"
#include "utils/datum.h"
}

namespace tenancy::pg {
namespace {

object_access_hook_type next_access = nullptr;

bool is_closed(Oid table) { return OidIsValid(get_relation_policy_oid(table, "tenancy_closed", true)); }

// By its record, which takes a right, or as a closed one: any login can make a table of others' types that
// has row security, and their owners need not ask for it.
bool is_filtered(Oid table) {
  return has_catalog_index(CatalogIndex::protected_tables_pkey) &&
         (read_protected_table(table).found || is_closed(table));
}

// The extension's functions change tables with a superuser's rights and without guard rails, for a caller who
// may have neither: it is the caller's doing. InvalidOid, who owns nothing, where that is nobody.
Oid acting_role() { return is_administration_running() ? calling_role() : GetUserId(); }

bool is_of_others(Oid table) { return is_filtered(table) && !owns_relation(table, acting_role()); }

bool is_exempt() {
  if (IsBinaryUpgrade || creating_extension || superuser_arg(acting_role())) return true;
  return !configuration.guard_rails && !is_administration_running();
}

void check_tables_with_type(Oid type) {
  if (is_exempt()) return;
  for (const Oid table : tables_that_use(type).span())
    if (is_of_others(table))
      ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                      errmsg("must be owner of table %s", get_rel_name(table)),
                      errdetail("It uses type %s for rows that row security may hide from the role.",
                                format_type_be(type))));
}

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

// A default runs as whoever inserts rows without a value. The type's row as the command has changed it is
// seen in one of the snapshots only.
Datum default_of(Oid type, Snapshot snapshot, bool *is_null) {
  const Relation types = table_open(TypeRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_type_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
  const SysScanDesc scan = systable_beginscan(types, TypeOidIndexId, true, snapshot, 1, &key);
  Datum result = 0;
  *is_null = true;
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    result = heap_getattr(row, Anum_pg_type_typdefaultbin, RelationGetDescr(types), is_null);
    if (!*is_null) result = PointerGetDatum(PG_DETOAST_DATUM_COPY(result));
  }
  systable_endscan(scan);
  table_close(types, AccessShareLock);
  return result;
}

void examine_type(Oid type) {
  bool had_none = false, has_none = false;
  const Datum before = default_of(type, nullptr, &had_none),
              after = default_of(type, SnapshotSelf, &has_none);
  if (had_none != has_none || (!has_none && !datumIsEqual(before, after, false, -1)))
    check_tables_with_type(type);
}

// It runs wherever somebody's statement compares, stores or prints a value of the type as another one.
void examine_cast(Oid cast) {
  const Relation casts = table_open(CastRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_cast_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(cast));
  const SysScanDesc scan = systable_beginscan(casts, CastOidIndexId, true, SnapshotSelf, 1, &key);
  Oid types[2] = {InvalidOid, InvalidOid};
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    const auto *form = reinterpret_cast<Form_pg_cast>(GETSTRUCT(row));
    types[0] = form->castsource;
    types[1] = form->casttarget;
  }
  systable_endscan(scan);
  table_close(casts, AccessShareLock);
  // By the right to which of them it was made; the other one is the server's own as a rule.
  for (const Oid type : types) require_tables_with_type(type);
}

// As the server has it of a table that is dropped by itself, with its schema, or with what it is a part of.
bool may_drop(Oid table) {
  check_stack_depth();
  const Oid role = acting_role();
  if (owns_relation(table, role) || owns_schema(get_rel_namespace(table), role)) return true;
  const Relation inherits = table_open(InheritsRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
  const SysScanDesc scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
  bool result = false;
  for (HeapTuple row; !result && HeapTupleIsValid(row = systable_getnext(scan));)
    result = may_drop(reinterpret_cast<Form_pg_inherits>(GETSTRUCT(row))->inhparent);
  systable_endscan(scan);
  table_close(inherits, AccessShareLock);
  return result;
}

// Together with a type, say, which somebody else owns: by CASCADE. 0: the table itself.
void examine_drop(Oid relation, AttrNumber column) {
  const bool is_table = column == 0;
  if (is_table ? is_filtered(relation) && !may_drop(relation) : is_of_others(relation))
    ereport(
        ERROR,
        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of table %s", get_rel_name(relation)),
         is_table ? errdetail("It would be dropped with what it depends on.")
                  : errdetail("Its column \"%s\" would be dropped.", get_attname(relation, column, false))));
  if (const Oid type = get_rel_type_id(relation); !is_table && OidIsValid(type)) check_tables_with_type(type);
}

// A restrictive policy of the table's owner, with a collation or function of somebody else's.
void examine_policy(Oid policy) {
  const Relation policies = table_open(PolicyRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_policy_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(policy));
  const SysScanDesc scan = systable_beginscan(policies, PolicyOidIndexId, true, nullptr, 1, &key);
  Oid table = InvalidOid;
  NameData name{};
  if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    table = reinterpret_cast<Form_pg_policy>(GETSTRUCT(row))->polrelid;
    name = reinterpret_cast<Form_pg_policy>(GETSTRUCT(row))->polname;
  }
  systable_endscan(scan);
  table_close(policies, AccessShareLock);
  if (OidIsValid(table) && is_filtered(table) && !may_drop(table))
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be owner of table %s", get_rel_name(table)),
                    errdetail("Its policy \"%s\" would be dropped.", NameStr(name))));
}

void examine(ObjectAccessType access, Oid catalog, Oid object, int column) {
  if (catalog == ConstraintRelationId && access == OAT_POST_CREATE) {
    if (const Oid domain = domain_of(object); OidIsValid(domain)) check_tables_with_type(domain);
  } else if (catalog == TypeRelationId && access == OAT_POST_ALTER) {
    examine_type(object);
  } else if (catalog == CastRelationId && access == OAT_POST_CREATE) {
    examine_cast(object);
  } else if (catalog == RelationRelationId && access == OAT_POST_CREATE && column > 0) {
    // Values of the row's type have the new attribute from then on, and compare and print in another way.
    require_tables_with_type(get_rel_type_id(object));
  } else if (catalog == RelationRelationId && access == OAT_DROP) {
    examine_drop(object, static_cast<AttrNumber>(column));
  } else if (catalog == PolicyRelationId && access == OAT_DROP) {
    examine_policy(object);
  }
}

extern "C" {
static void accessed(ObjectAccessType access, Oid catalog, Oid object, int column, void *argument) {
  if (next_access != nullptr) next_access(access, catalog, object, column, argument);
  if (!is_exempt()) examine(access, catalog, object, column);
}
}

}  // namespace

void require_tables_with_type(Oid type) {
  // Others get the server's error, but not where the extension acts for them: a scoped view is not theirs.
  if (OidIsValid(type) && (is_administration_running() || owns_type(type, GetUserId())))
    check_tables_with_type(type);
}

void register_column_types() {
  next_access = object_access_hook;
  object_access_hook = accessed;
}

}  // namespace tenancy::pg
