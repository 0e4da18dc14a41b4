#include "pg/catalog/ended_tokens.hpp"

namespace tenancy::pg {
namespace {

void equals_organization(ScanKey key, AttrNumber attribute, const Uuid &organization) {
  if (organization)
    equals(key, attribute, organization);
  else
    is_null(key, attribute);
}

TimestampTz read_end(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys,
                     AttrNumber issued_before) {
  CatalogScan scan = begin_scan(read, index, key_count, keys);
  const HeapTuple tuple = next_tuple(scan);
  const TimestampTz end = HeapTupleIsValid(tuple) ? time_column(scan, tuple, issued_before) : DT_NOBEGIN;
  end_scan(scan);
  return end;
}

}  // namespace

TimestampTz read_end_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  namespace of = attribute::ended_tokens;
  ScanKeyData keys[2];
  equals_organization(&keys[0], of::organization_id, organization);
  equals(&keys[1], of::user_id, user);
  return read_end(read, CatalogIndex::ended_tokens_key, 2, keys, of::issued_before);
}

TimestampTz read_end_of_subject(const CatalogRead &read, Datum issuer, Datum subject,
                                const Uuid &organization) {
  namespace of = attribute::ended_links;
  ScanKeyData keys[3];
  equals(&keys[0], of::issuer, F_TEXTEQ, issuer);
  equals(&keys[1], of::subject, F_TEXTEQ, subject);
  equals_organization(&keys[2], of::organization_id, organization);
  return read_end(read, CatalogIndex::ended_links_key, 3, keys, of::issued_before);
}

TimestampTz read_end_of_address(const CatalogRead &read, const char *address) {
  return read_end_of_subject(read, CStringGetTextDatum(""), CStringGetTextDatum(address), {});
}

}  // namespace tenancy::pg
