#include "core/access/write_problem.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

const Rights &rights_on(const Access &access, bool has_workspaces, const Uuid &workspace) noexcept {
  if (!has_workspaces) return access.on_organization();
  return workspace ? access.in_workspace(workspace) : access.on_unassigned();
}

WriteProblem problem_of_tenant(const Access &access, const Write &write, const WrittenRow &row) noexcept {
  if (row.organization == Named::nothing) return WriteProblem::organization_missing;
  if (row.organization == Named::another) return WriteProblem::foreign_organization;
  if (row.workspace == Named::another) return WriteProblem::unknown_workspace;
  const bool has_workspaces = row.workspace != Named::no_column;
  const Rows rows = rights_on(access, has_workspaces, row.workspace_id).rows(write.any_of);
  // Rows of no workspace require reach over the whole organization.
  if (row.workspace == Named::nothing)
    return rows == Rows::all && row.organization != Named::no_column ? WriteProblem::none
                                                                     : WriteProblem::workspace_missing;
  if (rows == Rows::none) return WriteProblem::no_permission_there;
  return rows == Rows::own && !write.attributed && !row.is_own ? WriteProblem::not_own : WriteProblem::none;
}

WriteProblem problem_of_producer(const Writer &writer, const WrittenRow &row) noexcept {
  if (row.owner == Named::another)
    return writer.names_user ? WriteProblem::foreign_owner : WriteProblem::owner_given;
  if (row.owner == Named::nothing && writer.names_user) return WriteProblem::owner_missing;
  if (row.api_key == Named::another)
    return writer.names_api_key ? WriteProblem::foreign_api_key : WriteProblem::api_key_given;
  if (row.api_key == Named::nothing && writer.names_api_key) return WriteProblem::api_key_missing;
  return WriteProblem::none;
}

}  // namespace

WriteProblem problem_of_write(const Access &access, const Writer &writer, const Write &write,
                              const WrittenRow &row) noexcept {
  if (writer.is_anonymous) return WriteProblem::no_principal;
  if (write.any_of.empty()) return WriteProblem::append_only;
  if (access.anywhere(write.any_of) == Rows::none) return WriteProblem::no_permission;
  const WriteProblem producer = write.attributed ? problem_of_producer(writer, row) : WriteProblem::none;
  if (write.attribution_first && producer != WriteProblem::none) return producer;
  const WriteProblem tenant = problem_of_tenant(access, write, row);
  return tenant != WriteProblem::none ? tenant : producer;
}

bool may_write_for_others(const Access &access, bool is_key, const PermissionSet &any_of,
                          const PermissionSet &to_attribute, bool has_workspaces,
                          const Uuid &workspace) noexcept {
  const Rights &rights = rights_on(access, has_workspaces, workspace);
  if (rights.rows(any_of) != Rows::all) return false;
  if (!to_attribute.empty()) return rights.rows(to_attribute) != Rows::none;
  return !is_key && access.is_above_settings(workspace);
}

bool may_be_named(const Access &access, const PermissionSet &to_view, bool has_workspaces,
                  const Uuid &workspace) noexcept {
  return rights_on(access, has_workspaces, workspace).rows(to_view) != Rows::none;
}

}  // namespace tenancy
