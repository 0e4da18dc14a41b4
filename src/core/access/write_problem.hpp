// Reasons for refusing a row of INSERT or UPDATE, in terms of the access model, and the exception for rows
// that are written for another user.
#pragma once

#include "core/access/access.hpp"

namespace tenancy {

enum class WriteProblem : std::uint8_t {
  none,
  no_principal,
  append_only,    // no permission allows the command
  no_permission,  // held nowhere
  organization_missing,
  foreign_organization,
  workspace_missing,
  unknown_workspace,    // none that the principal reaches
  no_permission_there,  // held, but not in the row's workspace
  not_own,              // held over own rows only
  owner_missing,
  foreign_owner,
  owner_given,  // and the principal is no user
  api_key_missing,
  foreign_api_key,
  api_key_given,  // and the principal is no API key
  // Of rows by a principal that may name another producer
  unknown_producer,    // no member who may view the row
  api_key_of_another,  // neither the principal's nor one of the named user's
};

/// A column's value compared with the value that the principal would write there.
enum class Named : std::uint8_t { no_column, nothing, principals, another };

/// The column `workspace` is "principals" if it contains a workspace in which the principal has any right.
struct WrittenRow {
  Named organization = Named::no_column;
  Named workspace = Named::no_column;
  Uuid workspace_id;  // if it is one of the principal's
  Named owner = Named::no_column;
  Named api_key = Named::no_column;
  bool is_own = false;  // by owner, or by key where there is no owner
};

/// Properties of the writer that the rules below use in addition to its rights.
struct Writer {
  bool is_anonymous = false;
  bool names_user = false;  // the principal has a user, and the owner column can hold its id
  bool names_api_key = false;
};

struct Write {
  PermissionSet any_of;    // each of which allows the command
  bool attributed = true;  // the row must name its writer as owner and key: INSERT, unless a parent says
  bool attribution_first = false;  // checked before the row's tenant
};

WriteProblem problem_of_write(const Access &access, const Writer &writer, const Write &write,
                              const WrittenRow &row) noexcept;

/// RETURNS whether a row of this workspace (nil: of none) may name another producer than its writer: one who
/// reaches all rows and holds the permission `to_attribute` there. Without such a permission (empty): users
/// whose rights no setting limits, owners and admins; not their keys, since no scope names it.
bool may_write_for_others(const Access &access, bool is_key, const PermissionSet &any_of,
                          const PermissionSet &to_attribute, bool has_workspaces,
                          const Uuid &workspace) noexcept;

/// RETURNS whether such a row may name the user with these rights: one who may view it there.
bool may_be_named(const Access &access, const PermissionSet &to_view, bool has_workspaces,
                  const Uuid &workspace) noexcept;

}  // namespace tenancy
