// Rows that don't name their organization: those for everybody, and those whose workspace decides.

#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/row_filter_functions.hpp"

namespace tenancy::pg {
namespace {

Expr *is_null(Node *column) { return null_test(column, IS_NULL); }

bool is_constant(const Expr *expression, bool value) {
  return IsA(expression, Const) &&
         DatumGetBool(reinterpret_cast<const Const *>(expression)->constvalue) == value;
}

Expr *either(Expr *one, Expr *other) {
  if (is_constant(one, false)) return other;
  return is_constant(other, false) ? one : make_orclause(list_make2(one, other));
}

Expr *both(Expr *one, Expr *other) {
  return is_constant(other, false) ? other : make_andclause(list_make2(one, other));
}

// May the principal do it anywhere? It is then what those rows ask for that are nobody's.
bool holds_anywhere(const Principal &principal, const char *resource, const PermissionSet &any_of) {
  const Rows rows = is_organization_level(resource) ? principal.access->on_organization().rows(any_of)
                                                    : principal.access->anywhere(any_of);
  return rows != Rows::none;
}

Expr *rows_for_everybody(const RowColumns &columns) {
  if (columns.workspace == nullptr) return is_null(columns.organization);
  if (columns.organization == nullptr) return is_null(columns.workspace);
  return both(is_null(columns.organization), is_null(columns.workspace));
}

// The same table as if it had no organization column: each workspace is spelled out.
RowColumns by_workspace_only(RowColumns columns) {
  columns.organization = nullptr;
  return columns;
}

bool can_lack_organization(const RowColumns &columns) {
  return columns.options.workspace_decides && columns.organization != nullptr && columns.workspace != nullptr;
}

}  // namespace

RowOptions row_options(const char *text) {
  RowOptions options{};
  const char *word = text;
  while (*word != '\0') {
    const size_t length = strcspn(word, " ");
    const auto is = [word, length](const char *name) {
      return strlen(name) == length && strncmp(word, name, length) == 0;
    };
    if (is("shared"))
      options.shared = true;
    else if (is("workspace_decides"))
      options.workspace_decides = true;
    else if (is("from_parent"))
      options.from_parent = true;
    else
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("row filter options \"%s\" are not known", text),
                      errhint("Options are shared, workspace_decides and from_parent.")));
    word += length;
    word += strspn(word, " ");
  }
  return options;
}

RowCondition with_rows_without_organization(Principal &principal, const char *resource, Command command,
                                            const RowColumns &columns, bool with_organization,
                                            const RowCondition &filter) {
  if (is_constant(filter.expression, true)) return filter;
  Expr *rows = filter.expression;
  // Filters by workspace reach these rows already, unless they ask for the organization, too.
  if (can_lack_organization(columns) && (with_organization || principal.access->reaches_every_workspace()))
    rows = either(
        rows, both(is_null(columns.organization),
                   visible_rows(principal, resource, command, by_workspace_only(columns), false).expression));
  if (columns.options.shared && (command == Command::view || command == Command::list) &&
      holds_anywhere(principal, resource, permissions_for(resource, command)))
    rows = either(rows, rows_for_everybody(columns));
  return rows == filter.expression ? filter : RowCondition{rows, nullptr};
}

RowCondition with_updates_without_organization(Principal &principal, const char *resource, Command command,
                                               const RowColumns &columns, const RowCondition &filter) {
  if (command != Command::update || !can_lack_organization(columns)) return filter;
  Expr *rows =
      either(filter.expression,
             both(is_null(columns.organization),
                  accepted_rows(principal, resource, command, by_workspace_only(columns)).expression));
  return rows == filter.expression ? filter : RowCondition{rows, nullptr};
}

}  // namespace tenancy::pg
