// A row filter of the core as a server expression over a table's columns.
#pragma once

#include "core/access/commands.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// Asks for a filter that holds no id of the principal, but calls of filter_id(); see shared_plans.hpp.
struct SharedIds {
  const Principal *principal;
  bool everywhere;  // whether that was possible: if not, the filter is to be made again without asking
};

/// What protect() was told of a table besides its columns.
struct RowOptions {
  bool shared;             // rows that name neither organization nor workspace are for everybody
  bool workspace_decides;  // whose row it is, where the organization is NULL
  bool from_parent;        // the parent row says whose the row is, and not who writes it
};

/// What names a row's organization, workspace, user and key: any expression of a supported type, or nullptr.
struct RowColumns {
  Node *organization;
  Node *workspace;
  Node *owner;
  Node *api_key;
  SharedIds *shared = nullptr;
  RowOptions options{};
  bool false_for_null = false;     // comparisons are to be false of NULL, not NULL
  const Node *not_null = nullptr;  // but for this one's: the guard beside the filter is false of its NULL
};

/// What a filter requires of a row.
struct RowCondition {
  Expr *expression;
  Node *decisive;  // the column that is NULL in no row which satisfies it; nullptr where that is not one
};

/// A column's base type as far as ids are concerned.
enum class IdType : int { uuid, int2, int4, int8, text, unsupported };
/// unsupported: also a text type whose collation lets different texts be equal.
IdType id_type(Oid type, Oid collation);

/// The value by which a column of the type names the entity; false where it can't name it.
bool id_value(const CatalogRead &read, Entity entity, const Uuid &id, IdType type, Datum *value);

/// argument IS NULL, or IS NOT NULL.
Expr *null_test(Node *argument, NullTestType kind);

/// Rows that the principal may see, update or delete. `with_organization` adds the organization column to
/// filters by workspace, which only pays where partition pruning needs it. Boolean constant false when there
/// are none.
RowCondition visible_rows(Principal &principal, const char *resource, Command command, RowColumns columns,
                          bool with_organization);

/// Among the rows that the principal may list, those of which it may view the full content: constant true
/// where that is all of them.
RowCondition visible_payload(Principal &principal, const char *resource, const RowColumns &columns);

/// Rows that the principal may leave behind by INSERT or UPDATE: all that a row says must agree.
RowCondition accepted_rows(Principal &principal, const char *resource, Command command, RowColumns columns);

/// workspace = one where any of the permissions is held.
RowCondition authorized_workspaces(Principal &principal, const PermissionSet &any_of, Node *workspace);

/// The permissions of which any one allows the command.
PermissionSet permissions_for(const char *resource, Command command);

}  // namespace tenancy::pg
