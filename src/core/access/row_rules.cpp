#include "core/access/row_rules.hpp"

#include <algorithm>
#include <utility>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using Ids = std::vector<Uuid>;

bool is_reading(Command command) noexcept { return command == Command::view || command == Command::list; }

// On INSERT the writer attributes the row; if the parent row does, INSERT is like UPDATE.
bool is_attributed(const RowQuestion &question) noexcept {
  return question.answer == RowAnswer::accepted && question.command == Command::insert &&
         !question.shape.from_parent;
}

bool can_lack_organization(const RowShape &shape) noexcept {
  return shape.workspace_decides && shape.organization && shape.workspace;
}

// As if the table had no organization column.
RowShape by_workspace_only(RowShape shape) noexcept {
  shape.organization = false;
  shape.organization_agrees = false;
  return shape;
}

RowPredicate is_one(RowColumn column, const Uuid &id) { return RowPredicate::one_of(column, {id}); }

// RETURNS the condition that a written row names the principal's user or key, or NULL if the principal has
// none.
RowPredicate is_the_writers(RowColumn column, const Uuid &id) {
  return id ? is_one(column, id) : RowPredicate::is_null(column);
}

class Rules {
 public:
  Rules(const Reach &reach, const RowIdentity &identity) : reach_(reach), identity_(identity) {}

  RowPredicate visible(const RowShape &shape, Command command) const {
    RowPredicate rows = named_rows(shape);
    // A reach by workspaces already includes these, unless the organization must agree.
    if (can_lack_organization(shape) && (shape.organization_agrees || reach_.elsewhere))
      rows = std::move(rows) |
             (RowPredicate::is_null(RowColumn::organization) & named_rows(by_workspace_only(shape)));
    if (shape.shared && is_reading(command) && reach_.anywhere) rows = std::move(rows) | nobodys(shape);
    return rows;
  }

  RowPredicate accepted(const RowShape &shape, bool attributed) const {
    RowPredicate rows = left_behind(shape, attributed);
    // On INSERT the attribution makes the row the principal's own, so rights over own rows are as good as
    // over all.
    if (attributed && shape.owner) rows = std::move(rows) & is_the_writers(RowColumn::owner, identity_.user);
    if (attributed && shape.api_key)
      rows = std::move(rows) & is_the_writers(RowColumn::api_key, identity_.api_key);
    // Attribution by the writer must be complete; that of an existing row, or of its parent, stays.
    if (!attributed && can_lack_organization(shape))
      rows = std::move(rows) | (RowPredicate::is_null(RowColumn::organization) &
                                left_behind(by_workspace_only(shape), attributed));
    return rows;
  }

  // Listed one by one: all of them must belong to the organization.
  Ids workspaces_reached(bool own_too) const {
    Ids ids;
    ids.reserve(reach_.all.size() + reach_.own.size() + (reach_.elsewhere ? identity_.workspaces.size() : 0));
    ids.insert(ids.end(), reach_.all.begin(), reach_.all.end());
    if (own_too) ids.insert(ids.end(), reach_.own.begin(), reach_.own.end());
    if (reach_.elsewhere)
      for (const Uuid &id : identity_.workspaces) {
        const auto is_in = [&](const Ids &list) { return std::binary_search(list.begin(), list.end(), id); };
        if (!is_in(reach_.own) && !is_in(reach_.none)) ids.push_back(id);
      }
    return ids;
  }

 private:
  RowPredicate organizations() const { return is_one(RowColumn::organization, reach_.organization); }

  // By the owner column; without one, by the user's keys; with neither, no row is an own row.
  RowPredicate own(const RowShape &shape) const {
    if (shape.owner) return is_one(RowColumn::owner, identity_.user);
    if (!shape.api_key) return {};
    return RowPredicate::one_of(RowColumn::api_key, {identity_.user_keys.begin(), identity_.user_keys.end()});
  }

  RowPredicate on_organization(const RowShape &shape, bool own_suffices) const {
    if (reach_.on_organization == Rows::none || !shape.organization) return {};
    if (reach_.on_organization == Rows::all || own_suffices) return organizations();
    return organizations() & own(shape);
  }

  RowPredicate own_by_workspace(const RowShape &shape) const {
    return RowPredicate::one_of(RowColumn::workspace, reach_.own) & own(shape);
  }

  RowPredicate by_workspace(const RowShape &shape) const {
    return RowPredicate::one_of(RowColumn::workspace, workspaces_reached(false)) | own_by_workspace(shape);
  }

  // Reach over the whole organization is decided by its column, reach by workspaces by theirs alone: a
  // second comparison would spoil the planner's estimates (decision 8).
  RowPredicate named_rows(const RowShape &shape) const {
    if (!shape.workspace) return on_organization(shape, false);
    if (reach_.elsewhere && shape.organization) {
      Ids exceptions = reach_.own;
      exceptions.insert(exceptions.end(), reach_.none.begin(), reach_.none.end());
      RowPredicate rows = RowPredicate::none_of(RowColumn::workspace, std::move(exceptions));
      if (reach_.unassigned) rows = RowPredicate::is_null(RowColumn::workspace) | std::move(rows);
      return organizations() & (std::move(rows) | own_by_workspace(shape));
    }
    RowPredicate rows = by_workspace(shape);
    if (shape.organization && shape.organization_agrees) rows = organizations() & std::move(rows);
    return rows;
  }

  // All columns of the row must agree (decision 9).
  RowPredicate left_behind(const RowShape &shape, bool attributed) const {
    if (!shape.workspace) return on_organization(shape, attributed);
    RowPredicate rows = attributed ? RowPredicate::one_of(RowColumn::workspace, workspaces_reached(true))
                                   : by_workspace(shape);
    if (!shape.organization) return rows;
    if (reach_.unassigned) rows = std::move(rows) | RowPredicate::is_null(RowColumn::workspace);
    return organizations() & std::move(rows);
  }

  static RowPredicate nobodys(const RowShape &shape) {
    RowPredicate rows = RowPredicate::always();
    if (shape.organization) rows = RowPredicate::is_null(RowColumn::organization);
    if (shape.workspace) rows = std::move(rows) & RowPredicate::is_null(RowColumn::workspace);
    return rows;
  }

  const Reach &reach_;
  const RowIdentity &identity_;
};

// The filter of the payload applies to rows that may be listed, whose organization agrees if it must.
RowPredicate visible_payload(const Access &access, const RowQuestion &question, const RowIdentity &identity) {
  RowShape shape = question.shape;
  shape.organization_agrees = false;
  const Reach viewed = reach_of(access, question.any_of), listed = reach_of(access, question.to_list);
  RowPredicate payload = Rules(viewed, identity).visible(shape, Command::view);
  const bool is_all_that_is_listed =
      !payload.is_never() && payload == Rules(listed, identity).visible(shape, Command::list);
  return is_all_that_is_listed ? RowPredicate::always() : payload;
}

bool is_all_elsewhere(const Access &access, const PermissionSet &any_of) noexcept {
  return access.reaches_every_workspace() && access.elsewhere().rows(any_of) == Rows::all;
}

bool is_own_anywhere(const Access &access, const PermissionSet &any_of, const RowShape &shape) noexcept {
  if (!shape.workspace) return access.on_organization().rows(any_of) == Rows::own;
  const auto is_own = [&](const Rights &rights) { return rights.rows(any_of) == Rows::own; };
  const auto shared = access.shared_rights();
  if (std::none_of(shared.begin(), shared.end(), is_own)) return false;
  const auto entries = access.entries();
  return std::any_of(entries.begin(), entries.end(),
                     [&](const Access::Entry &entry) { return is_own(access.rights_of(entry)); });
}

}  // namespace

RowIdentityParts identity_needed(const Access &access, const RowQuestion &question) noexcept {
  const RowShape &shape = question.shape;
  const bool is_attributed = tenancy::is_attributed(question);
  // Permissions to view include listing.
  const PermissionSet &any_of = question.answer == RowAnswer::payload ? question.to_list : question.any_of;
  const bool own = !is_attributed && (is_own_anywhere(access, any_of, shape) ||
                                      is_own_anywhere(access, question.any_of, shape));
  RowIdentityParts parts;
  parts.user = shape.owner && (own || is_attributed);
  parts.api_key = shape.api_key && is_attributed;
  parts.user_keys = shape.api_key && !shape.owner && own;
  const bool one_by_one =
      question.answer == RowAnswer::accepted || !shape.organization || can_lack_organization(shape);
  parts.workspaces = shape.workspace && one_by_one &&
                     (is_all_elsewhere(access, any_of) || is_all_elsewhere(access, question.any_of));
  return parts;
}

RowPredicate row_predicate(const Access &access, const RowQuestion &question, const RowIdentity &identity) {
  if (!question.shape.organization && !question.shape.workspace) return {};
  if (question.answer == RowAnswer::payload) return visible_payload(access, question, identity);
  const Reach reach = reach_of(access, question.any_of);
  const Rules rules(reach, identity);
  return question.answer == RowAnswer::visible ? rules.visible(question.shape, question.command)
                                               : rules.accepted(question.shape, is_attributed(question));
}

RowPredicate authorized_workspaces(const Access &access, const PermissionSet &any_of,
                                   std::span<const Uuid> workspaces) {
  const Reach reach = reach_of(access, any_of);
  const RowIdentity identity{{}, {}, {}, workspaces};
  return RowPredicate::one_of(RowColumn::workspace, Rules(reach, identity).workspaces_reached(true));
}

}  // namespace tenancy
