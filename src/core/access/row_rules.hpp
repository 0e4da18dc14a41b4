// Which rows of a table a principal sees, and which it may leave behind: the access model's rules about rows.
#pragma once

#include <span>

#include "core/access/commands.hpp"
#include "core/access/reach.hpp"
#include "core/access/row_predicate.hpp"

namespace tenancy {

/// What a table says about its rows, and what protect() was told of it.
struct RowShape {
  bool organization = false;
  bool workspace = false;
  bool owner = false;
  bool api_key = false;
  bool organization_agrees = false;  // even where the workspace decides: the table is partitioned by it
  bool shared = false;               // rows that name neither organization nor workspace are for everybody
  bool workspace_decides = false;    // whose row it is, where the organization is NULL
  bool from_parent = false;          // the parent row says whose the row is, and not who writes it
};

/// Rows that are seen, updated or deleted; among rows that may be listed, those whose full content is seen;
/// rows that INSERT or UPDATE may leave behind.
enum class RowAnswer : std::uint8_t { visible, payload, accepted };

struct RowQuestion {
  RowAnswer answer = RowAnswer::visible;
  Command command = Command::view;
  RowShape shape;
  PermissionSet any_of;   // the permissions of which any one allows the command
  PermissionSet to_list;  // of `payload`: those that allow to list
};

/// The principal as the table's rows can name it: nil, or left out of a list, is what a column can't hold.
struct RowIdentity {
  Uuid user;
  Uuid api_key;
  std::span<const Uuid> user_keys;   // of the user, in the organization
  std::span<const Uuid> workspaces;  // of the organization
};

/// The parts of RowIdentity that the answer depends on, so that no others need be read.
struct RowIdentityParts {
  bool user = false;
  bool api_key = false;
  bool user_keys = false;
  bool workspaces = false;

  bool operator==(const RowIdentityParts &) const = default;
};
RowIdentityParts identity_needed(const Access &access, const RowQuestion &question) noexcept;

RowPredicate row_predicate(const Access &access, const RowQuestion &question, const RowIdentity &identity);

/// Of a row whose workspace column holds any workspace: whether one of the permissions is held there, over
/// own rows or all. `workspaces` are the organization's, needed where every one is reached.
RowPredicate authorized_workspaces(const Access &access, const PermissionSet &any_of,
                                   std::span<const Uuid> workspaces);

}  // namespace tenancy
