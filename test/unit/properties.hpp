// Properties that hold in every world, for unit tests and fuzzers. Each returns a description of the
// violation, or nothing.
#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/access/delegation.hpp"
#include "core/access/reach.hpp"
#include "oracle.hpp"

namespace tenancy::test {

using Property = std::string (*)(const World &);

template <typename... Parts>
std::string text_of(const Parts &...parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

inline std::ostream &operator<<(std::ostream &out, const Place &place) {
  if (place.kind == Place::unassigned) return out << "rows without a workspace";
  return out << Named{place.id};
}

inline const Rights &rights_at(const Access &access, const Place &place) {
  switch (place.kind) {
    case Place::organization:
      return access.on_organization();
    case Place::unassigned:
      return access.on_unassigned();
    case Place::workspace:
      break;
  }
  return access.in_workspace(place.id);
}

// --- rights ------------------------------------------------------------------------------------------------

inline std::string rights_are_what_the_model_says(const World &world) {
  const Access access = world.access();
  const Oracle oracle(world);
  if (access.reaches_every_workspace() != oracle.reaches_every_workspace()) return "reach is wrong";
  for (const Place &place : places(world))
    for (const Permission &permission : permissions) {
      const Rows rows = rights_at(access, place).rows(permission.id);
      const auto [least, most] = oracle.answer(place, permission);
      if (rows < least || rows > most)
        return text_of(permission, " in ", place, ": ", rows, ", and not ", least, " to ", most);
    }
  return {};
}

inline std::string rights_are_well_formed(const World &world) {
  const Access access = world.access();
  if (access.organization() != the_organization) return "it is another organization's";
  for (const Place &place : places(world)) {
    const Rights &rights = rights_at(access, place);
    if (rights.all.intersects(rights.own)) return text_of("all and own overlap in ", place);
  }
  const auto entries = access.entries();
  if (access.reaches_every_workspace())
    for (const auto &entry : entries)
      if (!access.rights_of(entry).missing_of(access.elsewhere()).empty())
        return text_of("less than elsewhere in ", Named{entry.workspace});
  for (std::size_t i = 1; i < entries.size(); ++i)
    if (!(entries[i - 1].workspace < entries[i].workspace)) return "entries are not in order";
  if (!access.reaches_every_workspace() && !access.in_workspace(foreign_workspace).empty())
    return "another organization's workspace is reached";
  return {};
}

inline std::string anywhere_is_the_most_of_all_places(const World &world) {
  const Access access = world.access();
  for (const Permission &permission : permissions) {
    Rows most = Rows::none;
    for (const Place &place : places(world))
      most = std::max(most, rights_at(access, place).rows(permission.id));
    if (access.anywhere(set_of({permission})) != most) return text_of(permission, " anywhere");
  }
  return {};
}

inline std::string a_key_stays_within_its_scopes_and_its_user(const World &world) {
  if (!world.key) return {};
  const KeyFacts &key = *world.key;
  const Access of_key = world.of_key(), of_user = world.of_user();
  for (const Place &place : places(world)) {
    Rights rights = rights_at(of_key, place);
    rights.all |= rights.own;
    rights.all -= key.scopes;
    if (!rights.all.empty()) return text_of("the key exceeds its scopes in ", place);
    if (key.kind != KeyKind::organization_service_key && place.id != key.workspace &&
        !rights_at(of_key, place).empty())
      return text_of("the key has left its workspace for ", place);
    if (key.kind != KeyKind::workspace_user_key) continue;
    rights = rights_at(of_key, place);
    if (!rights.without(classes.never_a_user_keys).missing_of(rights).empty())
      return "the user key manages keys";
    rights = rights.without(classes.key_borne);
    if (world.user_is_gone ? !rights.empty() : !rights_at(of_user, place).missing_of(rights).empty())
      return text_of("the key exceeds its user in ", place);
  }
  return {};
}

inline std::string narrowing_takes_away_all_but_one_workspace(const World &world) {
  World wide = world;
  wide.narrowed_to = {};
  const Access access = wide.access();
  for (const Uuid &workspace : world.workspaces) {
    const Access narrowed = access.narrowed_to(workspace);
    const Access again = narrowed.narrowed_to(workspace);
    for (const Place &place : places(world)) {
      const Rights &rights = rights_at(narrowed, place);
      if (rights != (place.id == workspace ? rights_at(access, place) : no_rights))
        return text_of("narrowed to ", Named{workspace}, ": wrong rights in ", place);
      if (rights != rights_at(again, place)) return "narrowing twice is not narrowing";
    }
    for (const Uuid &other : world.workspaces)
      if (other != workspace && narrowed.narrowed_to(other).anywhere(PermissionSet::of_all()) != Rows::none)
        return "narrowing to two workspaces leaves something";
    if (shortfall(access, narrowed).any()) return "what is narrowed could not be handed out";
  }
  return {};
}

// The answer for all permissions at once agrees with that for each key and single permission.
inline std::string one_permission_is_as_all_of_them(const World &world) {
  const Access access = world.access();
  for (const Permission &permission : permissions) {
    const PermissionSet asked = set_of({permission});
    if (access.authorized(asked, {}) != access.anywhere(asked)) return text_of(permission, " anywhere");
    const bool of_organization = classes.organization_level.contains(permission.id);
    for (const Uuid &workspace : world.workspaces)
      if (access.authorized(asked, workspace) != (of_organization
                                                      ? access.on_organization().rows(asked)
                                                      : access.in_workspace(workspace).rows(asked)))
        return text_of(permission, " in ", Named{workspace});
  }
  if (!world.key) return {};
  const KeyFacts &key = *world.key;
  const Access of_key = world.of_key(), of_user = world.of_user();
  const bool has_role =
      !world.user_is_gone && (of_user.reaches_every_workspace() || !world.roles_in(key.workspace).empty());
  for (const Permission &permission : permissions) {
    if (!key.scopes.contains(permission.id)) continue;
    for (const Uuid &workspace : world.workspaces) {
      const Rows expected = of_key.authorized(set_of({permission}), workspace);
      Rows rows = rows_of_service_key(key.workspace, permission.id, workspace, classes);
      if (key.kind == KeyKind::workspace_user_key)
        rows = workspace != key.workspace
                   ? Rows::none
                   : rows_of_user_key(of_user.in_workspace(workspace).rows(permission.id), has_role,
                                      permission.id, classes);
      if (rows != expected) return text_of(permission, " of the key in ", Named{workspace});
    }
  }
  return {};
}

// --- delegation --------------------------------------------------------------------------------------------

/// Whether the one may hand the other out, place by place.
inline bool has_as_much(const World &world, const Access &held, const Access &given) {
  // A principal that reaches every workspace also has rights in future ones.
  if (given.reaches_every_workspace() && !held.reaches_every_workspace()) return false;
  for (const Place &place : places(world)) {
    const Rights &has = rights_at(held, place), &needs = rights_at(given, place);
    for (const Permission &permission : permissions)
      if (has.rows(permission.id) < needs.rows(permission.id)) return false;
    // And one that nobody has registered, for all of them.
    if (has.rows(PermissionId{3}) < needs.rows(PermissionId{3})) return false;
    if (given.is_above_settings(place.id) && !held.is_above_settings(place.id)) return false;
  }
  return true;
}

/// The world's principal, its user, and a user whose roles are dealt out otherwise.
inline std::array<Access, 3> makers(const World &world) {
  World other = world;
  other.narrowed_to = {};
  other.key.reset();
  other.group_roles.resize(world.group_roles.size() / 2);
  other.organization_role = world.memberships.size() % 2 == 0 ? Uuid{} : world.organization_role;
  for (std::size_t i = 1; i < other.memberships.size(); ++i)
    std::swap(other.memberships[i - 1].role, other.memberships[i].role);
  return {world.access(), world.of_user(), other.access()};
}

inline std::string handing_out_is_having_as_much_everywhere(const World &world) {
  for (const Access &held : makers(world))
    for (const Access &given : makers(world))
      if (shortfall(held, given).any() == has_as_much(world, held, given))
        return text_of("lacks", shortfall(held, given).permissions);
  const Oracle oracle(world);
  for (const Place &place : places(world))
    if (place.kind != Place::unassigned && !rights_at(world.access(), place).empty() &&
        world.access().is_above_settings(place.id) != oracle.is_above_settings(place))
      return text_of("above settings in ", place);
  return {};
}

// Delegation never gives the maker of a key anything; and everything that a role of the world confers is
// checked.
inline std::string keys_give_their_makers_nothing(const World &world) {
  if (!world.key) return {};
  KeyFacts key = *world.key;
  key.scopes = PermissionSet{};
  for (const Permission &permission : permissions)  // and not what nobody has registered
    if (world.key->scopes.contains(permission.id)) key.scopes.add(permission.id);
  const Access of_key = world.of_key(), of_user = world.of_user();
  for (const Access &held : makers(world))
    for (const KeyFor whom : {KeyFor::nobody, KeyFor::maker, KeyFor::somebody_else}) {
      const bool is_user_key = key.kind == KeyKind::workspace_user_key;
      if (is_user_key != (whom != KeyFor::nobody)) continue;
      const Shortfall lacking = world.with_facts([&](const UserFacts &facts) {
        return shortfall_of_key(held, key, whom, world.user_is_gone ? nullptr : &facts);
      });
      bool lacks = key.kind == KeyKind::organization_service_key &&
                   (!held.reaches_every_workspace() || !held.is_above_settings({}));
      for (const Permission &permission : permissions) {
        if (!key.scopes.contains(permission.id) || is_key_borne(permission.resource, permission.action))
          continue;
        if (key.kind == KeyKind::organization_service_key) {
          for (const Place &place : places(world))
            lacks |= rights_at(of_key, place).rows(permission.id) == Rows::all &&
                     rights_at(held, place).rows(permission.id) != Rows::all;
        } else {
          const Rows rows = std::max(
              held.in_workspace(key.workspace).rows(permission.id),
              held.on_organization_itself().rows(permission.id) == Rows::all ? Rows::all : Rows::none);
          lacks |= rows < (whom == KeyFor::maker ? Rows::own : Rows::all);
        }
      }
      if (whom == KeyFor::somebody_else && !world.user_is_gone) {
        // The maker is the user from then on.
        for (const Permission &permission : permissions)
          lacks |= of_user.in_workspace(key.workspace).rows(permission.id) != Rows::none &&
                   held.in_workspace(key.workspace).rows(permission.id) != Rows::all;
        lacks |= of_user.is_above_settings(key.workspace) && !held.is_above_settings(key.workspace);
      }
      if (lacking.any() != lacks)
        return text_of("for ", static_cast<int>(whom), lacks ? ": may be made" : ": may not be made, lacking",
                       lacking.permissions, lacking.reach ? " reach" : "",
                       lacking.standing ? " standing" : "");
      if (lacks) continue;
      for (const Place &place : places(world))
        for (const Permission &permission : permissions) {
          if (is_key_borne(permission.resource, permission.action)) continue;
          const Rows rows = rights_at(of_key, place).rows(permission.id);
          const Rows needed = whom == KeyFor::somebody_else && rows == Rows::own ? Rows::all : rows;
          // The maker's own key follows its user's roles, of which the maker may be using a part.
          if (whom != KeyFor::maker && rights_at(held, place).rows(permission.id) < needed)
            return text_of("the key gives ", permission, " in ", place);
        }
    }
  return {};
}

// --- all of it ---------------------------------------------------------------------------------------------

inline std::string the_order_of_facts_does_not_matter(const World &world) {
  World other = world;
  std::minstd_rand random;
  const auto shuffle = [&](auto &rows) { std::shuffle(rows.begin(), rows.end(), random); };
  shuffle(other.workspaces);
  shuffle(other.roles);
  shuffle(other.memberships);
  shuffle(other.grants);
  shuffle(other.switches);
  const Access access = world.access(), other_access = other.access();
  for (const Place &place : places(world))
    if (rights_at(access, place) != rights_at(other_access, place)) return text_of("other rights in ", place);
  for (const Permission &permission : permissions)
    if (reach_of(access, set_of({permission})) != reach_of(other_access, set_of({permission})))
      return text_of("other rows for ", permission);
  return {};
}

}  // namespace tenancy::test
