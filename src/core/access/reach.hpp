// Which rows of an organization some permissions reach, whatever the table.
#pragma once

#include <vector>

#include "core/access/access.hpp"

namespace tenancy {

/// What any of some permissions reaches. With `elsewhere`, `all` is empty and `own` and `none` are the
/// exceptions; without it, `none` is empty. The lists are sorted and disjoint.
struct Reach {
  Uuid organization;
  Rows on_organization = Rows::none;  // rows of tables that know no workspaces
  bool anywhere = false;              // some rows, be they only own ones
  bool elsewhere = false;             // all rows of each workspace that isn't listed
  bool unassigned = false;            // besides, rows without a workspace in tables that know workspaces
  std::vector<Uuid> all;
  std::vector<Uuid> own;
  std::vector<Uuid> none;

  bool operator==(const Reach &) const = default;
};

Reach reach_of(const Access &access, const PermissionSet &any_of);

}  // namespace tenancy
