// Which rows of a table a principal reaches: a small algebra with one normal form.
#pragma once

#include <span>
#include <vector>

#include "core/access/access.hpp"

namespace tenancy {

/// Says of each row, by its workspace, whether all, own or none are reached.
///
/// Normal form: with `every_workspace`, `own` and `hidden` are the exceptions and `all` is empty; without it,
/// `hidden` is empty. Lists are sorted and disjoint.
struct RowFilter {
  Rows on_organization = Rows::none;  // table without workspaces: this alone decides
  bool every_workspace = false;       // all rows of each workspace that isn't listed
  bool unassigned = false;            // rows whose workspace is NULL
  std::vector<Uuid> all;
  std::vector<Uuid> own;
  std::vector<Uuid> hidden;

  bool empty() const noexcept {
    return on_organization == Rows::none && !every_workspace && !unassigned && all.empty() && own.empty();
  }
  bool needs_own() const noexcept { return on_organization == Rows::own || !own.empty(); }
  /// The rule itself, for one row; a nil workspace is NULL. `is_own` says whether the principal produced the
  /// row.
  bool reaches(const Uuid &workspace, bool is_own) const noexcept;
  bool operator==(const RowFilter &) const = default;
};

/// What a table knows about its rows.
struct RowShape {
  bool organization = false;
  bool workspace = false;
  bool producer = false;  // an owner or an API key column: without, nothing is anybody's own
};

/// Whether "every workspace of the organization" is said as such, or workspace by workspace. The latter is
/// needed where the table has no organization column, and where a row to be written must name one of the
/// organization's workspaces.
enum class EveryWorkspace : std::uint8_t { as_such, spelled_out };

/// The rows that any of the permissions reaches. `workspaces` are the organization's, used only when every
/// workspace is reached and has to be spelled out.
RowFilter row_filter(const Access &access, const PermissionSet &any_of, const RowShape &shape,
                     EveryWorkspace every, std::span<const Uuid> workspaces);

}  // namespace tenancy
