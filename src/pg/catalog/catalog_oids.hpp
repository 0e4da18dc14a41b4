// OIDs of what the extension has made: the indexes of its catalogs, and functions that plans hold.
#pragma once

#include "pg/catalog/catalog_tables.hpp"

namespace tenancy::pg {

/// RETURNS whether the relation is one of the catalogs that decide rights, as far as this backend has read
/// them.
bool is_catalog_relation(Oid relation);
/// RETURNS whether the relation is that index, as far as this backend has read it.
bool is_known_index(CatalogIndex index, Oid relation);
/// RETURNS whether there is that index: what is new in the catalogs is missing where the extension hasn't
/// been updated, and all where it isn't installed.
bool has_catalog_index(CatalogIndex index);
/// Raises 55000 unless the extension is there, and of a version that this module serves.
void require_extension();

struct CatalogOids {
  Oid relation;
  Oid index;
  bool are_new;  // found by this call: notifications about them were ignored until now
};
/// RETURNS the OIDs of an index and its table. CACHES: them, until definitions change. Raises 55000 when the
/// extension isn't there.
CatalogOids catalog_oids(CatalogIndex index);
/// RETURNS the OID of an index. Raises 55000 when the extension isn't there.
Oid catalog_index(CatalogIndex index);
/// RETURNS the OID of the table that an index is on.
Oid catalog_relation(CatalogIndex index);
/// The functions that specialized plans depend on: plan_guard() where they hold for one principal,
/// shape_guard() where for all of one rights profile.
enum class Guard : int { plan, shape, count };
/// RETURNS whether this backend has looked the guard up, and `hash`, that of its pg_proc entry in the catalog
/// cache.
bool guard_hash(Guard guard, uint32 *hash);
/// Raises 55000 when the extension isn't there.
Oid guard_function(Guard guard);
/// The same, as this backend has looked it up last; InvalidOid if it hasn't.
Oid known_guard(Guard guard);
/// The function filter_id(). Raises 55000 when the extension isn't there.
Oid filter_id_function();
/// The same, as this backend has looked it up last; InvalidOid if it hasn't.
Oid known_filter_id();
/// The function write_guard(); InvalidOid where the extension hasn't been updated to have it.
Oid write_guard_function();
/// The same, as this backend has looked it up last.
Oid known_write_guard();
/// RETURNS the function without arguments of that name in schema tenancy; InvalidOid for none.
Oid find_public_function(const char *name);
/// Whether this is a function of the extension, public or internal, with that name. Raises 55000 when the
/// extension isn't there.
bool is_our_function(Oid function, const char *name);
/// RETURNS whether catalogs are in that schema: tenancy, or the extension's own tenancy_internal.
bool is_catalog_schema(Oid schema);
/// RETURNS the schema of parts of public functions: tenancy_steps, or in 1.0 tenancy.
const char *schema_of_steps();

}  // namespace tenancy::pg
