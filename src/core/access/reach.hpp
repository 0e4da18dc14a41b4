// The rows of an organization that some permissions reach, independent of any table.
#pragma once

#include <vector>

#include "core/access/access.hpp"

namespace tenancy {

/// The rows that any of these permissions reaches. With `elsewhere`, `all` is empty and `own` and `none`
/// are the exceptions; without it, `none` is empty. The lists are sorted and disjoint.
struct Reach {
  Uuid organization;
  Rows on_organization = Rows::none;  // rows of tables without a workspace column
  bool anywhere = false;              // some rows, possibly only own ones
  bool elsewhere = false;             // all rows of each workspace that isn't listed
  bool unassigned = false;            // in addition, rows whose workspace is NULL
  std::vector<Uuid> all;
  std::vector<Uuid> own;
  std::vector<Uuid> none;

  bool operator==(const Reach &) const = default;
};

Reach reach_of(const Access &access, const PermissionSet &any_of);

}  // namespace tenancy
