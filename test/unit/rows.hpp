// Made-up tables and rows, and what the access model says of each row, read as literally as it can be: one
// row at a time. It shares nothing with the core but the words. "Decision N" is one of
// docs/design/access-decisions.md.
#pragma once

#include <algorithm>
#include <vector>

#include "core/access/row_rules.hpp"
#include "oracle.hpp"

namespace tenancy::test {

// Ids of the world's principal, and of others, whoever the principal is.
inline constexpr Uuid foreign_organization = made_up_id(0x0b, 1), the_user = made_up_id(0x0c, 1),
                      another_user = made_up_id(0x0c, 2), the_key = made_up_id(0x0d, 1),
                      second_key_of_user = made_up_id(0x0d, 2), another_users_key = made_up_id(0x0d, 3);

using Question = std::vector<Permission>;
// Alone, together, in no category, with a rule of its own for members, by a key's scope alone, and of the
// organization's level.
inline const std::vector<Question> questions = {
    {logs_view},     {logs_view, logs_list}, {prompts_update, configs_create},
    {api_keys_view}, {logs_write},           {audit_logs_list, billing_manage}};

inline PermissionSet set_of(const Question &question) {
  PermissionSet set;
  for (const Permission &permission : question) set.add(permission.id);
  return set;
}

/// A table, what is asked of its rows, and some rows.
struct RowCase {
  Question any_of;
  RowQuestion question;
  std::vector<RowIds> rows;
};

inline const Uuid &id_in(const RowIds &row, RowColumn column) {
  return row[static_cast<std::size_t>(column)];
}

inline RowIds made_up_row(const World &world, const Choices &choices) {
  std::vector<Uuid> workspaces = {{}, foreign_workspace};
  workspaces.insert(workspaces.end(), world.workspaces.begin(), world.workspaces.end());
  constexpr std::array organizations = {Uuid{}, foreign_organization, the_organization, the_organization};
  constexpr std::array users = {Uuid{}, another_user, the_user, the_user};
  constexpr std::array keys = {Uuid{}, another_users_key, second_key_of_user, the_key};
  RowIds row;
  row[0] = choices.one_of(organizations);
  row[1] = choices.one_of(workspaces);
  row[2] = choices.one_of(users);
  row[3] = choices.one_of(keys);
  return row;
}

inline RowShape made_up_shape(const Choices &choices) {
  RowShape shape;
  shape.organization = !choices.one_in(4);
  shape.workspace = !choices.one_in(4);
  shape.owner = choices.one_in(2);
  shape.api_key = choices.one_in(2);
  shape.organization_agrees = choices.one_in(4);
  shape.shared = choices.one_in(4);
  shape.workspace_decides = choices.one_in(4);
  shape.from_parent = choices.one_in(4);
  return shape;
}

inline RowCase made_up_row_case(const World &world, const Choices &choices) {
  RowCase made;
  made.any_of = choices.one_of(questions);
  made.question.answer = static_cast<RowAnswer>(choices.below(3));
  made.question.command = static_cast<Command>(choices.below(5));
  made.question.shape = made_up_shape(choices);
  made.question.any_of = set_of(made.any_of);
  made.question.to_list = made.question.any_of;
  if (!choices.one_in(4)) made.question.to_list |= set_of({logs_list, prompts_view});
  for (int i = 0; i < 16; ++i) made.rows.push_back(made_up_row(world, choices));
  return made;
}

/// The principal as every column can name it.
inline RowIdentity identity_of(const World &world) {
  static constexpr std::array keys_of_user = {the_key, second_key_of_user};
  const bool is_user = !world.key || world.key->kind == KeyKind::workspace_user_key;
  RowIdentity identity;
  identity.workspaces = world.workspaces;
  if (world.key) identity.api_key = the_key;
  if (is_user) identity.user = the_user;
  if (is_user) identity.user_keys = keys_of_user;
  return identity;
}

/// The access model's rule about a row. If it allows several numbers of rows that a key writes, `bound`
/// selects one.
class RowRule {
 public:
  RowRule(const World &world, const RowCase &asked, Rows Answer::*bound)
      : world_(world), oracle_(world), asked_(asked), shape_(asked.question.shape), bound_(bound) {}

  bool is_visible(const RowIds &row) const {
    const Uuid organization = says(row, RowColumn::organization), workspace = says(row, RowColumn::workspace);
    if (!shape_.organization && !shape_.workspace) return false;
    // Section 11: for everybody who may view the resource anywhere.
    const bool reads = asked_.question.command == Command::view || asked_.question.command == Command::list;
    if (shape_.shared && reads && !organization && !workspace && is_held_anywhere()) return true;
    // Decision 3.
    if (!shape_.workspace)
      return organization == the_organization && is_among(at({Place::organization, {}}), row);
    // Decision 8: who reaches all of the organization is asked by the organization, unless there is none and
    // the workspace decides for every reader alike.
    if (shape_.organization && reaches_whole_organization() && (organization || !shape_.workspace_decides)) {
      if (organization != the_organization) return false;
      if (!workspace) return at({Place::unassigned, {}}) == Rows::all;
      return is_organizations(workspace) ? is_among(at({Place::workspace, workspace}), row) : true;
    }
    const bool may_lack_organization = !organization && shape_.workspace_decides;
    if (shape_.organization && shape_.organization_agrees && organization != the_organization &&
        !may_lack_organization)
      return false;
    return is_organizations(workspace) && is_among(at({Place::workspace, workspace}), row);
  }

  /// Decision 9.
  bool is_accepted(const RowIds &row) const {
    if (!shape_.organization && !shape_.workspace) return false;
    const Uuid organization = says(row, RowColumn::organization), workspace = says(row, RowColumn::workspace);
    const bool attributed = asked_.question.command == Command::insert && !shape_.from_parent;
    const auto may_write = [&](Rows rows) { return attributed ? rows != Rows::none : is_among(rows, row); };
    if (attributed && !is_attributed_to_writer(row)) return false;
    const bool names_organization = shape_.organization && organization == the_organization;
    if (!shape_.workspace) return names_organization && may_write(at({Place::organization, {}}));
    if (!workspace) return names_organization && at({Place::unassigned, {}}) == Rows::all;
    // Section 11: a row is writable exactly as its parent row is.
    const bool may_lack_organization =
        !shape_.organization || (!organization && shape_.workspace_decides && !attributed);
    return (names_organization || may_lack_organization) && is_organizations(workspace) &&
           may_write(at({Place::workspace, workspace}));
  }

 private:
  Uuid says(const RowIds &row, RowColumn column) const {
    const bool has = column == RowColumn::organization ? shape_.organization
                     : column == RowColumn::workspace  ? shape_.workspace
                     : column == RowColumn::owner      ? shape_.owner
                                                       : shape_.api_key;
    return has ? id_in(row, column) : Uuid{};
  }

  Rows at(const Place &place) const {
    Rows most = Rows::none;
    for (const Permission &permission : asked_.any_of)
      most = std::max(most, oracle_.answer(place, permission).*bound_);
    return most;
  }

  bool is_organizations(const Uuid &workspace) const {
    return std::find(world_.workspaces.begin(), world_.workspaces.end(), workspace) !=
           world_.workspaces.end();
  }

  bool is_held_anywhere() const {
    const std::vector<Place> all = places(world_);
    return std::any_of(all.begin(), all.end(), [&](const Place &place) { return at(place) != Rows::none; });
  }

  // A workspace that nobody has said anything about yet.
  bool reaches_whole_organization() const {
    return oracle_.reaches_every_workspace() && at({Place::workspace, made_up_id(0xee, 0xee)}) == Rows::all;
  }

  // Decision 12.
  bool is_own(const RowIds &row) const {
    const RowIdentity principal = identity_of(world_);
    if (!principal.user) return false;
    if (shape_.owner) return id_in(row, RowColumn::owner) == the_user;
    const Uuid key = says(row, RowColumn::api_key);
    return key == the_key || key == second_key_of_user;
  }
  bool is_among(Rows rows, const RowIds &row) const {
    return rows == Rows::all || (rows == Rows::own && is_own(row));
  }

  // A key writes its own id, its user or nothing; a user writes itself and no key.
  bool is_attributed_to_writer(const RowIds &row) const {
    const RowIdentity principal = identity_of(world_);
    return (!shape_.owner || id_in(row, RowColumn::owner) == principal.user) &&
           (!shape_.api_key || id_in(row, RowColumn::api_key) == principal.api_key);
  }

  const World &world_;
  const Oracle oracle_;
  const RowCase &asked_;
  const RowShape &shape_;
  Rows Answer::*bound_;
};

}  // namespace tenancy::test
