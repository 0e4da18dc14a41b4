// Elevations: roles that members have taken for a time, and the rules by which they may. Decides nothing: the
// core does.
#pragma once

#include "core/access/elevation.hpp"
#include "core/access/model.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// A role that a user has by an elevation.
struct ElevatedRole {
  Uuid workspace;  // nil: in the organization
  Uuid role;
  TimestampTz until;
};
/// RETURNS those whose rule is still about the user, in memory of the current context.
std::span<const ElevatedRole> read_elevated_roles(const CatalogRead &read, const Uuid &organization,
                                                  const Uuid &user);

/// RETURNS the members of an organization who have an elevation now, in memory of the current context.
std::span<const Uuid> read_elevated_members(const CatalogRead &read, const Uuid &organization);

/// The core's decision whether a member may take a role in a workspace, or (nil) in the organization, until
/// `end`. `besides`: an elevation that does not count among the member's of today.
ElevationDecision decide_elevation(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                                   const Uuid &workspace, const Uuid &role, TimestampTz end,
                                   const Uuid &besides);

/// RETURNS the facts with, in addition, all roles that rules let a subject take that has these, is this
/// member (unless nil), and belongs to this group (unless nil): what a role, a membership or a group confers.
UserFacts with_takable_roles(const CatalogRead &read, const UserFacts &facts, const Uuid &user = {},
                             const Uuid &group = {});

}  // namespace tenancy::pg
