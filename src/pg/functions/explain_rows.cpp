// explain_rows(): the session's filter on a table, as SQL.

#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/protected_table.hpp"
#include "pg/plan/row_filter.hpp"

namespace tenancy::pg {
namespace {

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
  Node *columns[id_column_count];
  for (int i = 0; i < id_column_count; i++) columns[i] = column_reference(relation, table.column_names[i]);
  give_back_numbers();
  RowShape shape;
  shape.organization_agrees = table.with_organization;
  shape.shared = table.shared;
  shape.workspace_decides = table.workspace_decides;
  const RowColumns row = row_columns(shape, columns[0], columns[1], columns[2], columns[3]);
  const RowCondition filter = row_filter(*current_principal(), RowAnswer::visible, table.resource,
                                         table.metadata_only ? "list" : "view", row);
  const char *sql = deparse_expression(reinterpret_cast<Node *>(filter.expression),
                                       deparse_context_for(relation_name, relation), false, false);
  PG_RETURN_TEXT_P(cstring_to_text(sql));
}
}

}  // namespace tenancy::pg
