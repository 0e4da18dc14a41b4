// A row predicate of the core as a server expression over a table's columns.
#pragma once

#include "core/access/row_rules.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// Requests a filter without ids of the principal, with calls of filter_id() instead; see shared_plans.hpp.
struct SharedIds {
  const Principal *principal;
  bool everywhere;  // whether that was possible: if not, the filter is to be made again without asking
};

/// The organization, workspace, user and key of a row: expressions of a supported type, or nullptr.
struct RowColumns {
  Node *organization;
  Node *workspace;
  Node *owner;
  Node *api_key;
  RowShape shape;  // which of them there are, and which other options protect() had
};

/// The SQL form of a predicate, which is true or false for every row, while SQL has a third value.
struct RowExpressionStyle {
  SharedIds *shared = nullptr;
  bool false_for_null = false;  // comparisons are to be false of NULL, not NULL
  Uuid organization{};          // whose members' external ids count
  // Except in comparisons of this argument: the guard, which is ANDed with the filter, is false of its NULL.
  const Node *not_null = nullptr;
};

/// A filter's condition on a row.
struct RowCondition {
  Expr *expression;
  Node *decisive;  // the column that is NULL in no row which satisfies it; nullptr where that is not one
};

/// Node by node, for rows of an organization. Where `style` names no column, the decisive one counts as not
/// NULL.
RowCondition row_condition(const RowPredicate &predicate, const RowColumns &columns, const Uuid &organization,
                           RowExpressionStyle style = {});

/// argument = the organization's id; constant false where a column of this type can't hold it.
Expr *is_organization(Node *argument, const Uuid &id);

/// A shared plan's guard, which compares a uuid column with the principal's id of the entity.
Expr *shape_guard(const Principal &principal, Entity entity, Node *column);

/// argument IS NULL, or IS NOT NULL.
Expr *null_test(Node *argument, NullTestType kind);

}  // namespace tenancy::pg
