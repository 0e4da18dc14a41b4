// explain_rows(): the filter that the session gets on a table, as SQL.

#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/row_filter.hpp"

namespace tenancy::pg {
namespace {

// What protected_tables says of a table.
struct ProtectedTable {
  bool found;
  const char *resource;
  const char *column_names[4];  // organization, workspace, owner, API key
  bool metadata_only;
  RowShape options;
};

const char *name_column(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute) {
  bool is_null = false;
  const Datum datum = column(scan, tuple, attribute, &is_null);
  return is_null ? nullptr : pstrdup(NameStr(*DatumGetName(datum)));
}

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
    for (int i = 0; i < 4; i++) table.column_names[i] = name_column(scan, tuple, attributes[i]);
    table.options.organization_agrees = bool_column(scan, tuple, with_organization);
    table.options.shared = bool_column(scan, tuple, shared);
    table.options.workspace_decides = bool_column(scan, tuple, workspace_decides);
    bool is_null = false;
    const Datum columns = column(scan, tuple, payload, &is_null);
    table.metadata_only = !is_null && ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(columns)),
                                                     ARR_DIMS(DatumGetArrayTypeP(columns))) == 0;
  }
  end_scan(scan);
  end_catalog_read(read);
  return table;
}

Node *column_reference(Oid relation, const char *name) {
  if (name == nullptr) return nullptr;
  const AttrNumber number = get_attnum(relation, name);
  if (number == InvalidAttrNumber)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", name, get_rel_name(relation)),
                    errhint("Protect the table again with the columns that it has.")));
  Oid type = InvalidOid, collation = InvalidOid;
  int32 modifier = -1;
  get_atttypetypmodcoll(relation, number, &type, &modifier, &collation);
  return reinterpret_cast<Node *>(makeVar(1, number, type, modifier, collation, 0));
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_explain_rows);
Datum pg_tenancy_explain_rows(PG_FUNCTION_ARGS) {
  const Oid relation = PG_GETARG_OID(0);
  const char *relation_name = get_rel_name(relation);
  if (relation_name == nullptr)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
  const ProtectedTable table = read_protected_table(relation);
  if (!table.found)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" is not protected", relation_name),
                    errhint("Use tenancy.protect() to protect it.")));
  Node *columns[4];
  for (int i = 0; i < 4; i++) columns[i] = column_reference(relation, table.column_names[i]);
  give_back_numbers();
  const RowColumns row = row_columns(table.options, columns[0], columns[1], columns[2], columns[3]);
  const RowCondition filter = row_filter(*current_principal(), RowAnswer::visible, table.resource,
                                         table.metadata_only ? "list" : "view", row);
  const char *sql = deparse_expression(reinterpret_cast<Node *>(filter.expression),
                                       deparse_context_for(relation_name, relation), false, false);
  PG_RETURN_TEXT_P(cstring_to_text(sql));
}
}

}  // namespace tenancy::pg
