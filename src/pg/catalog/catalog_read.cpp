#include "pg/catalog/catalog_read.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/server/statement_time.hpp"

namespace tenancy::pg {

// Any login may connect with ignore_system_indexes, which has systable_beginscan() read the heap, also of
// our tables and of users'. There, keys for IS NULL match no row, and rows come in another order: of triggers
// as well, which fire in the order in which the server has read them. So it is switched off for good.
SysScanDesc begin_index_scan(Relation relation, Oid index, Snapshot snapshot, int key_count, ScanKey keys) {
  if (IgnoreSystemIndexes) {
    IgnoreSystemIndexes = false;
    InvalidateSystemCaches();
  }
  return systable_beginscan(relation, index, true, snapshot, key_count, keys);
}

CatalogRead begin_catalog_read() {
  server_fault_point();
  require_extension();
  const ReadStart start = start_read();
  // The transaction's own snapshot is taken by its first query, not by a SET before it. During a parallel
  // query the one for catalogs alone can be new: rights are never older in a worker than in its leader, whose
  // query can have an old snapshot.
  const bool is_own = FirstSnapshotSet && !IsInParallelMode();
  return {RegisterSnapshot(is_own ? GetLatestSnapshot() : GetCatalogSnapshot(InvalidOid)), start,
          statement_time()};
}

void end_catalog_read(CatalogRead &read) { UnregisterSnapshot(read.snapshot); }

void depend_on_catalog(const CatalogRead &read, CatalogIndex index) {
  if (catalog_oids(index).are_new) subscribe_to_catalog(read.start);
}

CatalogScan begin_scan(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys) {
  const CatalogOids oids = catalog_oids(index);
  // Does not detect a nested read that registers the same index first. The only nested read is of the
  // permissions, and nothing that is kept depends on these alone.
  if (oids.are_new) subscribe_to_catalog(read.start);
  const Relation relation = table_open(oids.relation, AccessShareLock);
  return {relation, begin_index_scan(relation, oids.index, read.snapshot, key_count, keys), read.moment};
}

HeapTuple next_tuple(const CatalogScan &scan) {
  server_fault_point();
  return systable_getnext(scan.scan);
}

void end_scan(CatalogScan &scan) {
  systable_endscan(scan.scan);
  table_close(scan.relation, AccessShareLock);
}

void equals(ScanKey key, AttrNumber attribute, RegProcedure procedure, Datum value) {
  ScanKeyInit(key, attribute, BTEqualStrategyNumber, procedure, value);
}

void equals(ScanKey key, AttrNumber attribute, const Uuid &value) {
  equals(key, attribute, F_UUID_EQ, uuid_datum(value));
}

void is_null(ScanKey key, AttrNumber attribute) {
  ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, attribute, InvalidStrategy, InvalidOid, InvalidOid,
                         InvalidOid, Datum(0));
}

Datum column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute, bool *is_null) {
  const TupleDesc row = RelationGetDescr(scan.relation);
  // A catalog of an older version has fewer columns.
  if (attribute > row->natts) {
    *is_null = true;
    return 0;
  }
  return heap_getattr(tuple, attribute, row, is_null);
}

Uuid uuid_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? Uuid{} : uuid_of_datum(datum);
}

char *text_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? nullptr : TextDatumGetCString(datum);
}

bool bool_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return !is_null && DatumGetBool(datum);
}

TimestampTz time_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? DT_NOBEGIN : DatumGetTimestampTz(datum);
}

bool is_null_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  column(scan, tuple, attribute, &is_null);
  return is_null;
}

}  // namespace tenancy::pg
