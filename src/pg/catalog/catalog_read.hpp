// The extension's catalogs, read as the server reads its own: by index scans with a fresh snapshot, which
// works inside planning, doesn't depend on search_path, and takes microseconds.
#pragma once

#include "pg/catalog/catalog_tables.hpp"
#include "pg/catalog/generation.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {

/// One read of the catalogs: all scans of it see the same state, the latest committed one (and this
/// transaction's own changes). Results are cached with `start.token`, by code that has subscribed to their
/// changes.
struct CatalogRead {
  Snapshot snapshot;
  ReadStart start;
  TimestampTz moment;  // at which what has an end counts or not: the statement's, or a later one
};
/// Raises 55000 when the extension isn't there.
CatalogRead begin_catalog_read();
/// After an ERROR the server does that.
void end_catalog_read(CatalogRead &read);

/// The read's results depend on this catalog, too, though it is not scanned.
void depend_on_catalog(const CatalogRead &read, CatalogIndex index);

struct CatalogScan {
  Relation relation;
  SysScanDesc scan;
  TimestampTz moment;  // the read's
};
/// REQUIRES: attribute numbers in the keys are the table's, and the scan is ended; after an ERROR the server
/// does that.
CatalogScan begin_scan(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys);
HeapTuple next_tuple(const CatalogScan &scan);
void end_scan(CatalogScan &scan);

/// Begins a scan of any table by one of its indexes, whatever the session ignores. Ended as the server's own.
SysScanDesc begin_index_scan(Relation relation, Oid index, Snapshot snapshot, int key_count, ScanKey keys);

void equals(ScanKey key, AttrNumber attribute, RegProcedure procedure, Datum value);
void equals(ScanKey key, AttrNumber attribute, const Uuid &value);
void is_null(ScanKey key, AttrNumber attribute);

/// RETURNS a column of a tuple. A NULL uuid is nil, a NULL text nullptr; texts are copies in the current
/// memory context.
Datum column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute, bool *is_null);
Uuid uuid_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
char *text_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
bool bool_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
/// The beginning of time for NULL.
TimestampTz time_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
bool is_null_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);

}  // namespace tenancy::pg
