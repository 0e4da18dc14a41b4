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
  for (const auto &entry : access.entries()) {
    switch (access.rights_of(entry).rows(any_of)) {
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
