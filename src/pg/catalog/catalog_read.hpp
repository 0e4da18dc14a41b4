// The extension's catalogs, read as the server reads its own: by index scans with a fresh snapshot, which
// works inside planning, looks at no search_path, and takes microseconds.
#pragma once

#include "pg/catalog/catalog_tables.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {

/// How many invalidation messages the session has heard: of any kind, and about scopes (invalidation.hpp).
struct MessagesHeard {
  uint64 of_any;
  uint64 of_scopes;
};

/// One look at the catalogs: all scans of it see the same state, the newest one that is committed (and what
/// this transaction did itself).
struct CatalogRead {
  Snapshot snapshot;
  bool registered;
  // Before the look; invalidation.hpp says what they are for.
  uint64 generation;  // catalog_generation(): what was seen may be kept as of that, and no later
  MessagesHeard messages;
};
CatalogRead begin_catalog_read();
void end_catalog_read(CatalogRead &read);

struct CatalogScan {
  Relation relation;
  SysScanDesc scan;
};
/// Attribute numbers in the keys are the table's. Close the scan; after an ERROR the server does.
CatalogScan begin_scan(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys);
HeapTuple next_tuple(const CatalogScan &scan);
void end_scan(CatalogScan &scan);

void equals(ScanKey key, AttrNumber attribute, RegProcedure procedure, Datum value);
void equals(ScanKey key, AttrNumber attribute, const Uuid &value);
void is_null(ScanKey key, AttrNumber attribute);

/// Columns of a tuple. A NULL uuid is nil, a NULL text nullptr; texts are copies in the current memory
/// context.
Datum column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute, bool *is_null);
Uuid uuid_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
char *text_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
bool bool_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);
bool is_null_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute);

}  // namespace tenancy::pg
