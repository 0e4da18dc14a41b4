// The access model's rules about rows: which rows a principal sees, and which rows it may write.
#pragma once

#include <span>

#include "core/access/commands.hpp"
#include "core/access/reach.hpp"
#include "core/access/row_predicate.hpp"

namespace tenancy {

/// The row shape: the columns of a table that a filter can use, and the options of protect().
struct RowShape {
  bool organization = false;
  bool workspace = false;
  bool owner = false;
  bool api_key = false;
  bool organization_agrees = false;   // also if the workspace decides: the table is partitioned by it
  bool shared = false;                // rows without organization and workspace are visible to everybody
  bool workspace_decides = false;     // about rows whose organization is NULL
  bool from_parent = false;           // the parent row, not the writer, decides about own rows
  bool organization_implied = false;  // a row's workspace and organization agree, somebody vouches
};

/// Rows to be read, updated or deleted; among the rows that may be listed, those with visible payload; rows
/// that INSERT or UPDATE may produce.
enum class RowAnswer : std::uint8_t { visible, payload, accepted };

struct RowQuestion {
  RowAnswer answer = RowAnswer::visible;
  Command command = Command::view;
  RowShape shape;
  PermissionSet any_of;   // the permissions of which any one allows the command
  PermissionSet to_list;  // for `payload`: those that allow listing
};

/// The principal's ids as the table's columns can hold them; ids that a column can't hold are nil or left
/// out.
struct RowIdentity {
  Uuid user;
  Uuid api_key;
  std::span<const Uuid> user_keys;   // of the user, in the organization
  std::span<const Uuid> workspaces;  // of the organization
};

/// The parts of RowIdentity that the predicate depends on; others need not be read.
struct RowIdentityParts {
  bool user = false;
  bool api_key = false;
  bool user_keys = false;
  bool workspaces = false;

  bool operator==(const RowIdentityParts &) const = default;
};
RowIdentityParts identity_needed(const Access &access, const RowQuestion &question) noexcept;

RowPredicate row_predicate(const Access &access, const RowQuestion &question, const RowIdentity &identity);

/// The condition on a row's workspace that one of the permissions is held there, over own rows or all.
/// `workspaces` are the organization's, needed if all are reached.
RowPredicate authorized_workspaces(const Access &access, const PermissionSet &any_of,
                                   std::span<const Uuid> workspaces);

}  // namespace tenancy
