#include "pg/catalog/protected_table.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace tenancy::pg {
namespace {

const char *name_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? nullptr : pstrdup(NameStr(*DatumGetName(datum)));
}

bool is_empty_array(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  if (is_null) return false;
  const ArrayType *array = DatumGetArrayTypeP(datum);
  return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) == 0;
}

void read_through(const CatalogScan &scan, HeapTuple tuple, ProtectedTable &table) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute::protected_tables::through, &is_null);
  if (is_null) return;
  Datum *names = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(datum), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &names, nullptr,
                    &count);
  for (int i = 0; i < count && i < most_through; i++)
    table.through[table.through_count++] = pstrdup(NameStr(*DatumGetName(names[i])));
}

}  // namespace

ProtectedTable read_protected_table(Oid relation) {
  using namespace attribute::protected_tables;
  ProtectedTable table{};
  CatalogRead read = begin_catalog_read();
  ScanKeyData key;
  equals(&key, attribute::protected_tables::relation, F_OIDEQ, ObjectIdGetDatum(relation));
  CatalogScan scan = begin_scan(read, CatalogIndex::protected_tables_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    table.found = true;
    table.resource = text_column(scan, tuple, resource);
    const AttrNumber attributes[] = {organization_column, workspace_column, owner_column, api_key_column};
    for (int i = 0; i < id_column_count; i++) table.column_names[i] = name_column(scan, tuple, attributes[i]);
    table.writer_column = name_column(scan, tuple, writer_column);
    table.with_organization = bool_column(scan, tuple, with_organization);
    table.shared = bool_column(scan, tuple, shared);
    table.workspace_decides = bool_column(scan, tuple, workspace_decides);
    table.inherits_owner = bool_column(scan, tuple, inherits_owner);
    table.fill_nulls = bool_column(scan, tuple, fill_nulls);
    bool no_actions = false;
    const Datum mapped = column(scan, tuple, actions, &no_actions);
    table.has_actions = !no_actions;
    // Out of the page, which is let go.
    if (table.has_actions) table.actions = JsonbPGetDatum(DatumGetJsonbPCopy(mapped));
    table.metadata_only = is_empty_array(scan, tuple, payload);
    read_through(scan, tuple, table);
  }
  end_scan(scan);
  end_catalog_read(read);
  return table;
}

const char *columns_of_action(const ProtectedTable &table, const char *action) {
  if (!table.has_actions) return nullptr;
  const Datum key = CStringGetTextDatum(action);
  if (!DatumGetBool(DirectFunctionCall2(jsonb_exists, table.actions, key))) return nullptr;
  char *list = TextDatumGetCString(DirectFunctionCall2(jsonb_object_field_text, table.actions, key));
  const size_t length = strlen(list);
  return length > 2 ? pnstrdup(list + 1, length - 2) : nullptr;  // without the brackets
}

}  // namespace tenancy::pg
