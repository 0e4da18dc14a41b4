// Reads the facts about users and roles from the catalogs. Decides nothing: the core computes access from
// them.
#pragma once

#include "core/access/model.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// Roles that a member has in its session only.
struct SessionRoles {
  std::span<const Uuid> token_groups;  // those of groups that the session's token names
  bool elevated = false;               // those that it has taken for a time: in sessions of a user
};

/// A user's facts in one organization, in the current memory context.
struct UserFactsRead {
  bool is_member;  // of the organization; otherwise the facts are empty
  UserFacts facts;
};
UserFactsRead read_user_facts(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                              const SessionRoles &besides = {});
/// An organization that a user is a member of.
struct OrganizationMembership {
  Uuid organization;
  Uuid role;
  TimestampTz until;    // the membership's end
  bool has_more_roles;  // by groups or elevations, or had: otherwise these need not be read
};
/// RETURNS the user's in the organization, with a nil role if there is none, or it has ended.
OrganizationMembership read_membership(const CatalogRead &read, const Uuid &organization, const Uuid &user);
/// The facts of a member. `only`: the workspace whose roles count; nil for all.
UserFacts read_member_facts(const CatalogRead &read, const OrganizationMembership &membership,
                            const Uuid &user, const Uuid &only = {}, const SessionRoles &besides = {});
/// The facts of a user with the memberships that have ended lately, in addition to those of now: for the
/// organization's grace period after leaving, rows may be written in the user's name. Not a member's facts
/// otherwise: nobody who has left has any right.
UserFactsRead read_facts_with_grace(const CatalogRead &read, const Uuid &organization, const Uuid &user);
/// A role that a user has by a group, or by an elevation.
struct GroupRole {
  Uuid group;      // nil: by an elevation
  Uuid workspace;  // nil: in the organization
  Uuid role;
  TimestampTz until;  // the earlier end of the role and of the membership of the group
};
/// RETURNS the roles of a member's groups, and last those of its elevations, in memory of the current
/// context.
std::span<const GroupRole> read_group_roles(const CatalogRead &read, const Uuid &organization,
                                            const Uuid &user, const SessionRoles &besides = {});
struct GroupMembership {
  Uuid group;
  TimestampTz until;
};
/// RETURNS the groups that a member belongs to by the catalogs, in memory of the current context.
std::span<const GroupMembership> read_groups(const CatalogRead &read, const Uuid &organization,
                                             const Uuid &user);
/// RETURNS the organization's group of that name whose members the tokens of this trust name; nil for none.
Uuid find_token_group(const CatalogRead &read, const Uuid &organization, const Uuid &trust, Datum name);
/// RETURNS the member's role in the organization; nil if the user is none, or the membership has ended. Sets
/// `until` to its end.
Uuid read_organization_role(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                            TimestampTz *until = nullptr);
/// Whether what a row gives has ended at the moment of the read. Otherwise lowers `until` to its end, if it
/// has one.
bool has_ended(const CatalogScan &scan, HeapTuple tuple, AttrNumber ends_at, TimestampTz *until = nullptr);

/// The facts of a hypothetical user with these roles only; nil for no organization role.
UserFacts read_role_facts(const CatalogRead &read, const Uuid &organization, const Uuid &organization_role,
                          std::span<const WorkspaceMembership> memberships,
                          std::span<const Uuid> group_roles = {});

struct UserRead {
  bool exists;
  bool active;
};
UserRead read_user(const CatalogRead &read, const Uuid &user);

/// RETURN ids as spans over memory of the current context, sorted.
std::span<const Uuid> read_workspaces(const CatalogRead &read, const Uuid &organization);
std::span<const Uuid> read_keys_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user);

/// RETURNS the user's memberships, in the order of the organizations' ids, in memory of the current context.
std::span<const OrganizationMembership> read_organizations_of_user(const CatalogRead &read, const Uuid &user);

/// RETURNS the only one of these; nil for none or `several`. Lowers `until` to the moment from which there
/// may be another answer.
OrganizationMembership read_only_organization(const CatalogRead &read, const Uuid &user, bool &several,
                                              TimestampTz &until);

}  // namespace tenancy::pg
