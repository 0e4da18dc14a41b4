// Why a row may not be left behind by INSERT or UPDATE, in words of the access model; and the exception for
// rows that are written for somebody else.
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
};

/// What a column says, compared with what the principal would say there.
enum class Named : std::uint8_t { no_column, nothing, principals, another };

/// The column `workspace` is "principals" when it names one in which the principal has any right.
struct WrittenRow {
  Named organization = Named::no_column;
  Named workspace = Named::no_column;
  Uuid workspace_id;  // where it is the principal's
  Named owner = Named::no_column;
  Named api_key = Named::no_column;
  bool is_own = false;  // by owner, or by key where there is no owner
};

/// Who writes, as far as the rules below go beyond rights.
struct Writer {
  bool is_anonymous = false;
  bool names_user = false;  // the owner column can hold the principal's user, and there is one
  bool names_api_key = false;
};

struct Write {
  PermissionSet any_of;    // of which any one allows the command
  bool attributed = true;  // the row must name its writer as owner and key: INSERT, unless a parent says
  bool attribution_first = false;  // judged before whose tenant the row is
};

WriteProblem problem_of_write(const Access &access, const Writer &writer, const Write &write,
                              const WrittenRow &row) noexcept;

/// Whether a row of this workspace (nil: of none) may name another producer than its writer. Users: owners
/// and admins, over whose rights no setting is, where they reach all rows. Service keys: by the permission
/// `to_attribute`, held there.
bool may_write_for_others(const Access &access, bool is_service_key, const PermissionSet &any_of,
                          const PermissionSet &to_attribute, bool has_workspaces,
                          const Uuid &workspace) noexcept;

}  // namespace tenancy
