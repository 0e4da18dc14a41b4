#include "core/access/reach.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {

Reach reach_of(const Access &access, const PermissionSet &any_of) {
  Reach reach;
  reach.organization = access.organization();
  reach.on_organization = access.on_organization().rows(any_of);
  reach.anywhere = access.anywhere(any_of) != Rows::none;
  // Roles that reach every workspace see all rows there, or none.
  reach.elsewhere = access.reaches_every_workspace() && access.elsewhere().rows(any_of) == Rows::all;
  reach.unassigned = reach.elsewhere && access.on_unassigned().rows(any_of) == Rows::all;
  std::vector<Rows> rows;  // by the index of rights, as thousands of workspaces may share them
  rows.reserve(access.shared_rights().size());
  for (const Rights &rights : access.shared_rights()) rows.push_back(rights.rows(any_of));
  if (!reach.elsewhere) reach.all.reserve(access.entries().size());
  for (const auto &entry : access.entries()) {
    switch (rows[entry.rights]) {
      case Rows::all:
        if (!reach.elsewhere) reach.all.push_back(entry.workspace);
        break;
      case Rows::own:
        reach.own.push_back(entry.workspace);
        break;
      case Rows::none:
        if (reach.elsewhere) reach.none.push_back(entry.workspace);
        break;
    }
  }
  return reach;
}

}  // namespace tenancy
