#include "core/access/row_filter.hpp"

#include <algorithm>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

bool contains(const std::vector<Uuid> &sorted, const Uuid &id) noexcept {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

// Where nothing says who produced a row, nobody's own rows are there.
Rows visible(Rows rows, const RowShape &shape) noexcept {
  return rows == Rows::own && !shape.producer ? Rows::none : rows;
}

}  // namespace

bool RowFilter::reaches(const Uuid &workspace, bool is_own) const noexcept {
  if (!workspace) return unassigned;
  if (contains(own, workspace)) return is_own;
  return every_workspace ? !contains(hidden, workspace) : contains(all, workspace);
}

RowFilter row_filter(const Access &access, const PermissionSet &any_of, const RowShape &shape,
                     EveryWorkspace every, std::span<const Uuid> workspaces) {
  RowFilter filter;
  if (!shape.workspace) {
    filter.on_organization = visible(access.on_organization().rows(any_of), shape);
    return filter;
  }

  // Roles that reach every workspace see all rows, so that here it is all or none.
  const Rows elsewhere =
      access.reaches_every_workspace() ? visible(access.elsewhere().rows(any_of), shape) : Rows::none;
  const bool as_such = shape.organization && every == EveryWorkspace::as_such;
  filter.every_workspace = as_such && elsewhere == Rows::all;
  filter.unassigned = shape.organization && access.on_unassigned().rows(any_of) == Rows::all;

  for (const auto &entry : access.entries()) {
    switch (visible(access.rights_of(entry).rows(any_of), shape)) {
      case Rows::all:
        if (!filter.every_workspace) filter.all.push_back(entry.workspace);
        break;
      case Rows::own:
        filter.own.push_back(entry.workspace);
        break;
      case Rows::none:
        if (filter.every_workspace) filter.hidden.push_back(entry.workspace);
        break;
    }
  }

  if (elsewhere == Rows::all && !filter.every_workspace) {
    const auto entries = access.entries();
    for (const Uuid &workspace : workspaces) {
      const auto entry = std::lower_bound(entries.begin(), entries.end(), workspace,
                                          [](const auto &e, const Uuid &id) { return e.workspace < id; });
      const bool has_entry = entry != entries.end() && entry->workspace == workspace;
      if (!has_entry) filter.all.push_back(workspace);
    }
    std::sort(filter.all.begin(), filter.all.end());
  }
  return filter;
}

}  // namespace tenancy
