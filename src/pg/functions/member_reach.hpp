// The rows that the roles of a member reach, whoever asks, and by which role: for who_can().
#pragma once

#include "pg/functions/role_rights.hpp"

namespace tenancy::pg {

/// The question of who_can(): one permission, in one workspace or (nil) anywhere in the organization.
struct Question {
  Uuid organization;
  Uuid workspace;
  const char *resource;
  const char *action;
  PermissionId id;
  PermissionSet permission;
  // Of read_other_roads():
  bool has_groups;
  std::span<const Uuid> elevated;  // members, in the order of their ids
};
/// Reads by what else than memberships members can have roles: whether the organization has groups, and which
/// members have taken a role for a time. Most organizations have neither, and who_can() asks for each member.
void read_other_roads(const CatalogRead &read, Question &question);

/// The rows that a member's roles reach, and the role that reaches most.
struct Reach {
  Rows rows;
  const RoleRights *role;
  Uuid group;           // that gives the role; nil: the member has it itself
  bool elevated;        // has taken the role for a time
  bool has_role_there;  // in that workspace, as a user key needs for permissions that every key may have
};

/// `in`: the workspace where the group's members have the role; nil: an organization role.
Rows reach_of_group_role(const Question &question, const RoleRights &role, const Uuid &in,
                         const Uuid &workspace);

/// `session`: of the user itself, and not of its key. REQUIRES: read_other_roads().
Reach reach_of_member(const CatalogRead &read, const Question &question, const PodArray<RoleRights> &roles,
                      const Uuid &user, const Uuid &organization_role, const Uuid &workspace, bool session);

/// RETURNS how a member has the role that reaches most, in words.
const char *via_role(const CatalogRead &read, const Reach &reach);

}  // namespace tenancy::pg
