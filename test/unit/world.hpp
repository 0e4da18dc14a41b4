// A small organization with one user and perhaps a key, for tests: what the catalogs say, in their words.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <random>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/access/access.hpp"

namespace tenancy::test {

struct Permission {
  std::string_view resource;
  std::string_view action;
  PermissionId id;
  bool operator==(const Permission &) const = default;
};

// Those that a rule singles out and some that none does; the ids lie on both sides of a set's word borders.
inline constexpr Permission logs_view{"logs", "view", 0}, logs_list{"logs", "list", 1},
    logs_write{"logs", "write", 63}, analytics_view{"analytics", "view", 64},
    completions_write{"completions", "write", 127}, prompts_view{"prompts", "view", 128},
    prompts_update{"prompts", "update", 500}, configs_create{"configs", "create", 511},
    api_keys_view{"api_keys", "view", 512}, api_keys_create{"api_keys", "create", 959},
    billing_manage{"billing", "manage", 1023}, audit_logs_list{"audit_logs", "list", 2},
    // Registered by a DBA: an action on API keys, one resource that data visibility governs, and one that it
    // doesn't.
    api_keys_export{"api_keys", "export", 700}, readings_view{"readings", "view", 701},
    notes_view{"notes", "view", 702};
inline constexpr std::array permissions = {
    logs_view,      logs_list,       logs_write,      analytics_view, completions_write,
    prompts_view,   prompts_update,  configs_create,  api_keys_view,  api_keys_create,
    billing_manage, audit_logs_list, api_keys_export, readings_view,  notes_view};

/// Resources governed by data visibility: observability data, and those registered as such.
constexpr bool is_governed(const Permission &permission) noexcept {
  return permission.resource == "logs" || permission.resource == "traces" ||
         permission.resource == "analytics" || permission.resource == "readings";
}

/// The model's classes of permissions, by name.
inline const PermissionClasses classes = [] {
  PermissionClasses all;
  for (const Permission &permission : permissions)
    all.add(permission.id, permission.resource, permission.action);
  return all;
}();

inline PermissionSet set_of(std::initializer_list<Permission> some) {
  PermissionSet set;
  for (const Permission &permission : some) set.add(permission.id);
  return set;
}

constexpr Uuid made_up_id(std::uint8_t first, std::uint8_t last) noexcept {
  return Uuid{{first, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, last}};
}
inline constexpr Uuid the_organization = made_up_id(0x0a, 1);
inline constexpr Uuid foreign_workspace = made_up_id(0x80, 0xff);
// Custom roles: two on the organization's level, of which one reaches every workspace, and two in workspaces.
inline constexpr Uuid auditor_role = made_up_id(0xc0, 1), clerk_role = made_up_id(0xc0, 2),
                      editor_role = made_up_id(0xc0, 3), reviewer_role = made_up_id(0xc0, 4);
inline constexpr std::array organization_roles = {organization_owner_role, organization_admin_role,
                                                  organization_member_role, auditor_role, clerk_role};
inline constexpr std::array workspace_roles = {workspace_admin_role, workspace_manager_role,
                                               workspace_member_role, editor_role, reviewer_role};

constexpr bool reaches_all_workspaces(const Uuid &role) noexcept {
  return role == organization_owner_role || role == organization_admin_role || role == auditor_role;
}

/// A row of an organization (nil workspace) or a workspace about a role's grant.
struct GrantRow {
  Uuid role;
  Uuid workspace;
  Permission permission;
  bool allowed;
};

struct World {
  std::vector<Uuid> workspaces;
  std::vector<Role> roles;                       // all that the user has
  Uuid organization_role;                        // nil: none
  std::vector<Uuid> group_roles;                 // organization roles of the user's groups
  std::vector<WorkspaceMembership> memberships;  // its own and its groups', in any order
  std::vector<GrantRow> grants;
  std::vector<VisibilitySwitch> switches;
  std::vector<std::string_view> open;  // categories that workspaces may set
  std::optional<KeyFacts> key;         // without one, the principal is the user
  bool user_is_gone = false;
  Uuid narrowed_to;  // nil: not narrowed

  /// Gives the user a role in the organization, or in a workspace. The first time says what it is born with.
  void become(const Uuid &id, const PermissionSet &born_with = {}) {
    organization_role = id;
    know(id, born_with);
  }
  void become_by_group(const Uuid &id, const PermissionSet &born_with = {}) {
    group_roles.push_back(id);
    know(id, born_with);
  }
  void join(const Uuid &workspace, const Uuid &id, const PermissionSet &born_with = {}) {
    memberships.push_back({workspace, id});
    know(id, born_with);
  }

  bool is_open(std::string_view category) const {
    return std::find(open.begin(), open.end(), category) != open.end();
  }
  const Role *role(const Uuid &id) const {
    const auto found = std::find_if(roles.begin(), roles.end(), [&](const Role &r) { return r.id == id; });
    return found == roles.end() ? nullptr : &*found;
  }
  std::vector<const Role *> roles_in(const Uuid &workspace) const {
    std::vector<const Role *> held;
    for (const auto &membership : memberships)
      if (membership.workspace == workspace) held.push_back(role(membership.role));
    return held;
  }
  std::vector<const Role *> roles_of_organization() const {
    std::vector<const Role *> held;
    if (organization_role) held.push_back(role(organization_role));
    for (const Uuid &id : group_roles) held.push_back(role(id));
    return held;
  }
  bool is_of_organization(const Uuid &role) const {
    return std::find(organization_roles.begin(), organization_roles.end(), role) != organization_roles.end();
  }

  Access of_user() const {
    return with_facts([](const UserFacts &facts) { return Access::of_user(facts); });
  }
  Access of_key() const {
    return with_facts(
        [&](const UserFacts &facts) { return Access::of_key(*key, user_is_gone ? nullptr : &facts); });
  }
  /// The principal's.
  Access access() const {
    const Access access = key ? of_key() : of_user();
    return narrowed_to ? access.narrowed_to(narrowed_to) : access;
  }

  /// The user's facts, for as long as `use` runs: they refer to what lives only here.
  template <typename Use>
  std::invoke_result_t<Use, const UserFacts &> with_facts(Use use) const {
    UserFacts facts;
    facts.organization = the_organization;
    facts.organization_role = organization_role;
    facts.group_roles = group_roles;
    facts.memberships = memberships;
    facts.roles = roles;
    facts.visibility = switches;
    for (const std::string_view category : open) facts.open_to_workspaces.add(*category_named(category));
    facts.classes = &classes;
    for (const Permission &permission : permissions)
      if (!is_governed(permission)) facts.shared.add(permission.id);
    std::vector<GrantOverride> overrides;
    for (const auto &[role, workspace, permission, allowed] : grants) {
      const Level level = is_of_organization(role) ? Level::organization : Level::workspace;
      overrides.push_back({role, workspace, permission.id, allowed,
                           override_counts({role, level, !workspace.is_nil(), allowed}, permission.resource,
                                           permission.action, facts.open_to_workspaces)});
    }
    facts.overrides = overrides;
    return use(facts);
  }

 private:
  void know(const Uuid &id, const PermissionSet &born_with) {
    if (role(id) == nullptr) roles.push_back({id, reaches_all_workspaces(id), born_with});
  }
};

inline KeyFacts key_of(KeyKind kind, const Uuid &workspace, const PermissionSet &scopes) {
  KeyFacts key;
  key.kind = kind;
  key.organization = the_organization;
  key.workspace = workspace;
  key.scopes = scopes;
  key.classes = &classes;
  return key;
}

/// Where a made-up value comes from: a seeded generator, or a fuzzer's bytes.
struct Choices {
  std::function<std::uint64_t()> next;

  /// At most 256, so that one byte is enough.
  std::size_t below(std::size_t limit) const { return static_cast<std::size_t>(next() % limit); }
  bool one_in(std::size_t times) const { return below(times) == 0; }
  template <typename Items>
  auto one_of(const Items &items) const {
    return items[below(std::size(items))];
  }
};

inline Choices seeded_choices(std::uint64_t seed) {
  return {[random = std::mt19937_64(seed)]() mutable { return random(); }};
}

inline PermissionSet some_permissions(const Choices &choices) {
  PermissionSet set;
  const std::size_t how_many = choices.below(4);  // none, some, most, all
  for (const Permission &permission : permissions)
    if (how_many == 3 || choices.below(3) < how_many) set.add(permission.id);
  return set;
}

/// Any world that the catalogs' constraints admit. About its last workspace nobody has said anything.
inline World made_up_world(const Choices &choices) {
  World world;
  const std::size_t count = 1 + choices.below(5);
  for (std::size_t i = 0; i < count; ++i)
    world.workspaces.push_back(
        made_up_id(static_cast<std::uint8_t>(choices.below(256)), static_cast<std::uint8_t>(i + 1)));
  const std::vector<Uuid> touched(world.workspaces.begin(), world.workspaces.end() - 1);

  // Arguments of a call could be worked out in any order.
  const auto some_role = [&](const auto &ids) {
    return Role{choices.one_of(ids), false, some_permissions(choices)};
  };
  if (!choices.one_in(16)) {
    const Role role = some_role(organization_roles);
    world.become(role.id, role.granted);
  }
  for (const Uuid &workspace : touched) {
    if (choices.one_in(3)) continue;
    const Role role = some_role(workspace_roles);
    world.join(workspace, role.id, role.granted);
  }
  // Groups: further roles, in places where the user has one already and where it has none.
  for (std::size_t i = choices.one_in(2) ? choices.below(3) : 0; i > 0; --i) {
    const Role role = some_role(organization_roles);
    world.become_by_group(role.id, role.granted);
  }
  for (std::size_t i = touched.empty() || choices.one_in(2) ? 0 : choices.below(4); i > 0; --i) {
    const Role role = some_role(workspace_roles);
    world.join(choices.one_of(touched), role.id, role.granted);
  }

  const auto place = [&] { return touched.empty() || choices.one_in(3) ? Uuid{} : choices.one_of(touched); };
  std::vector<Uuid> role_ids = {workspace_member_role};
  for (const Role &role : world.roles) role_ids.push_back(role.id);
  for (std::size_t i = choices.below(16); i > 0; --i) {
    // One role and one permission more than the others, so that settings meet and workspaces differ.
    const Uuid role =
        world.organization_role && choices.one_in(2) ? world.organization_role : choices.one_of(role_ids);
    const Uuid workspace = place();
    const Permission permission = choices.one_in(2) ? logs_view : choices.one_of(permissions);
    const GrantRow row{role, workspace, permission, choices.one_in(2)};
    const bool exists = std::any_of(world.grants.begin(), world.grants.end(), [&](const GrantRow &other) {
      return other.role == row.role && other.workspace == row.workspace && other.permission == row.permission;
    });
    if (!exists) world.grants.push_back(row);
  }
  for (std::size_t i = choices.below(8); i > 0; --i) {
    const VisibilitySwitch row{choices.one_of(role_ids), place(), choices.one_in(2)};
    const bool exists = std::any_of(world.switches.begin(), world.switches.end(), [&](const auto &other) {
      return other.role == row.role && other.workspace == row.workspace;
    });
    if (!exists) world.switches.push_back(row);
  }
  for (const std::string_view category :
       {"data_visibility", "logs", "analytics", "api_keys", "prompts", "guardrails", "integrations"})
    if (!choices.one_in(3)) world.open.push_back(category);

  if (choices.one_in(2)) {
    const auto kind = static_cast<KeyKind>(choices.below(3));
    const Uuid workspace =
        kind == KeyKind::organization_service_key ? Uuid{} : choices.one_of(world.workspaces);
    world.key =
        key_of(kind, workspace, choices.one_in(8) ? PermissionSet::of_all() : some_permissions(choices));
    world.user_is_gone = choices.one_in(8);
  }
  if (choices.one_in(4)) world.narrowed_to = choices.one_of(world.workspaces);
  return world;
}

// --- printing, for whoever has to find out what failed -----------------------------------------------------

struct Named {
  const Uuid &id;
};

inline std::ostream &operator<<(std::ostream &out, const Named &named) {
  constexpr std::array<std::string_view, 10> names = {"owner", "admin",   "member", "auditor", "clerk",
                                                      "admin", "manager", "member", "editor",  "reviewer"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (named.id == (i < 5 ? organization_roles[i] : workspace_roles[i - 5]))
      return out << (i < 5 ? "organization role " : "workspace role ") << names[i];
  if (!named.id) return out << "the organization";
  return out << "workspace " << int{named.id.bytes[15]};
}

inline std::ostream &operator<<(std::ostream &out, const Permission &permission) {
  return out << permission.resource << '.' << permission.action;
}

}  // namespace tenancy::test

// Where GoogleTest looks for them, too.
namespace tenancy {

inline std::ostream &operator<<(std::ostream &out, const PermissionSet &set) {
  for (const auto &permission : test::permissions)
    if (set.contains(permission.id)) out << ' ' << permission;
  return out;
}

inline std::ostream &operator<<(std::ostream &out, Rows rows) {
  return out << (rows == Rows::all ? "all" : rows == Rows::own ? "own" : "none");
}

}  // namespace tenancy

namespace tenancy::test {

inline std::ostream &operator<<(std::ostream &out, const World &world) {
  out << "workspaces, in order of their ids:";
  auto sorted = world.workspaces;
  std::sort(sorted.begin(), sorted.end());
  for (const Uuid &id : sorted) out << ' ' << int{id.bytes[15]};
  for (const Role &role : world.roles) out << '\n' << Named{role.id} << " is born with" << role.granted;
  if (world.organization_role) out << "\nthe user has " << Named{world.organization_role};
  for (const Uuid &role : world.group_roles) out << "\na group of the user has " << Named{role};
  for (const auto &[workspace, role] : world.memberships)
    out << "\nthe user has " << Named{role} << " in " << Named{workspace};
  for (const auto &[role, workspace, permission, allowed] : world.grants)
    out << '\n'
        << Named{workspace} << (allowed ? " allows " : " denies ") << Named{role} << ' ' << permission;
  for (const auto &[role, workspace, all_rows] : world.switches)
    out << '\n' << Named{workspace} << " shows " << Named{role} << (all_rows ? " all" : " own") << " rows";
  out << "\nopen to workspaces:";
  for (const std::string_view category : world.open) out << ' ' << category;
  if (world.key)
    out << "\nkey of kind " << static_cast<int>(world.key->kind) << " in " << Named{world.key->workspace}
        << (world.user_is_gone ? ", its user gone," : "") << " with" << world.key->scopes;
  if (world.narrowed_to) out << "\nnarrowed to " << Named{world.narrowed_to};
  return out << '\n';
}

}  // namespace tenancy::test
