// Properties of rows that hold in every world, for unit tests and fuzzers.
#pragma once

#include <algorithm>
#include <string>

#include "properties.hpp"
#include "rows.hpp"

namespace tenancy::test {

using RowProperty = std::string (*)(const World &, const RowCase &);

inline constexpr std::array row_columns = {RowColumn::organization, RowColumn::workspace, RowColumn::owner,
                                           RowColumn::api_key};

inline std::string text_of_row(const RowIds &row) {
  const auto name = [](const Uuid &id, std::string_view own, const Uuid &is_own) {
    return id.is_nil() ? std::string("-") : id == is_own ? std::string(own) : text_of(int{id.bytes[15]});
  };
  return text_of("organization ", name(row[0], "its own", the_organization), ", workspace ",
                 name(row[1], "", Uuid{}), ", owner ", name(row[2], "itself", the_user), ", key ",
                 name(row[3], "itself", the_key));
}

inline std::ostream &operator<<(std::ostream &out, const RowCase &asked) {
  const RowShape &shape = asked.question.shape;
  constexpr std::array answers = {"visible", "payload", "accepted"};
  out << answers[static_cast<std::size_t>(asked.question.answer)] << ", command "
      << static_cast<int>(asked.question.command) << ", by" << set_of(asked.any_of) << ", in a table with";
  const auto say = [&](bool value, std::string_view word) {
    if (value) out << ' ' << word;
  };
  say(shape.organization, "organization");
  say(shape.workspace, "workspace");
  say(shape.owner, "owner");
  say(shape.api_key, "api_key");
  say(shape.organization_agrees, "organization_agrees");
  say(shape.shared, "shared");
  say(shape.workspace_decides, "workspace_decides");
  say(shape.from_parent, "from_parent");
  return out << '\n';
}

/// The violation of a predicate's normal form, or nothing.
inline std::string fault_of_form(const RowPredicate &predicate) {
  using Kind = RowPredicate::Kind;
  const auto is_test = [](const RowPredicate &p) {
    return p.kind() == Kind::is_null || p.kind() == Kind::one_of || p.kind() == Kind::none_of;
  };
  const auto &ids = predicate.ids();
  const auto &parts = predicate.parts();
  if (std::adjacent_find(ids.begin(), ids.end(), [](const Uuid &a, const Uuid &b) { return !(a < b); }) !=
      ids.end())
    return "ids are not a sorted set";
  if (!ids.empty() && ids.front().is_nil()) return "nobody's id is among ids";
  if ((predicate.kind() == Kind::one_of) ? ids.empty() : predicate.kind() != Kind::none_of && !ids.empty())
    return "a list is of no use";
  const bool is_composite = predicate.kind() == Kind::all_of || predicate.kind() == Kind::any_of;
  if (is_composite ? parts.size() < 2 : !parts.empty()) return "the number of parts is wrong";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const RowPredicate &part = parts[i];
    if (part.kind() == Kind::never || part.kind() == Kind::always) return "a part is constant";
    if (part.kind() == predicate.kind()) return "a part is of its whole's kind";
    for (std::size_t j = 0; j < i; ++j) {
      if (parts[j] == part) return "a part is there twice";
      if (!is_test(part) || !is_test(parts[j]) || part.column() != parts[j].column()) continue;
      // Only "NULL or one of these", and "NULL or none of these", are more than one test.
      if (predicate.kind() == Kind::all_of ||
          (part.kind() != Kind::is_null && parts[j].kind() != Kind::is_null))
        return "two tests are one";
    }
    if (std::string wrong = fault_of_form(part); !wrong.empty()) return wrong;
  }
  return {};
}

inline RowPredicate predicate_of(const World &world, const RowCase &asked) {
  return row_predicate(world.access(), asked.question, identity_of(world));
}

inline std::string rows_are_what_the_model_says(const World &world, const RowCase &asked) {
  const RowPredicate predicate = predicate_of(world, asked);
  if (asked.question.answer == RowAnswer::payload) return {};  // the next property
  const RowRule least(world, asked, &Answer::least), most(world, asked, &Answer::most);
  const auto says = [&](const RowRule &rule, const RowIds &row) {
    return asked.question.answer == RowAnswer::visible ? rule.is_visible(row) : rule.is_accepted(row);
  };
  for (const RowIds &row : asked.rows) {
    const bool holds = predicate.holds_for(row);
    if (holds ? !says(most, row) : says(least, row))
      return text_of("row with ", text_of_row(row), holds ? " reached" : " missed");
  }
  return {};
}

// Of rows that may be listed, those that may be viewed are shown in full.
inline std::string payload_is_what_may_be_viewed(const World &world, const RowCase &asked) {
  RowQuestion view = asked.question, list = asked.question, payload = asked.question;
  list.answer = view.answer = RowAnswer::visible;
  view.command = Command::view;
  list.command = Command::list;
  list.any_of = asked.question.to_list;
  payload.answer = RowAnswer::payload;
  const Access access = world.access();
  const RowIdentity identity = identity_of(world);
  const RowPredicate viewed = row_predicate(access, view, identity),
                     listed = row_predicate(access, list, identity),
                     shown = row_predicate(access, payload, identity);
  for (const RowIds &row : asked.rows)
    if (listed.holds_for(row) && shown.holds_for(row) != viewed.holds_for(row))
      return text_of("row with ", text_of_row(row), " is shown otherwise");
  return {};
}

inline std::string predicates_are_in_normal_form(const World &world, const RowCase &asked) {
  const RowPredicate predicate = predicate_of(world, asked);
  if (std::string wrong = fault_of_form(predicate); !wrong.empty()) return wrong;
  const RowShape &shape = asked.question.shape;
  const std::array has = {shape.organization, shape.workspace, shape.owner, shape.api_key};
  for (const RowIds &row : asked.rows)
    for (const RowColumn column : row_columns) {
      RowIds other = row;
      Uuid &id = other[static_cast<std::size_t>(column)];
      id = Uuid{};
      if (predicate.requires_value(column) && predicate.holds_for(other))
        return "a value is required, and its absence is satisfactory";
      if (!has[static_cast<std::size_t>(column)] && predicate.holds_for(other) != predicate.holds_for(row))
        return "it decides by what the table doesn't have";
    }
  return {};
}

// Lists that aren't asked for, aren't used.
inline std::string what_is_not_needed_is_not_used(const World &world, const RowCase &asked) {
  const Access access = world.access();
  const RowIdentity all = identity_of(world);
  const RowIdentityParts needed = identity_needed(access, asked.question);
  RowIdentity identity;
  if (needed.user) identity.user = all.user;
  if (needed.api_key) identity.api_key = all.api_key;
  if (needed.user_keys) identity.user_keys = all.user_keys;
  if (needed.workspaces) identity.workspaces = all.workspaces;
  if (row_predicate(access, asked.question, identity) != row_predicate(access, asked.question, all))
    return "another predicate without what is not needed";
  return {};
}

// Of rows that name a workspace of the organization that they name.
inline std::string narrowing_takes_rows_away_only(const World &world, const RowCase &asked) {
  if (!world.narrowed_to || asked.question.answer == RowAnswer::payload) return {};
  World wide = world;
  wide.narrowed_to = {};
  const RowPredicate narrow = predicate_of(world, asked), before = predicate_of(wide, asked);
  for (RowIds row : asked.rows) {
    const Uuid workspace = asked.question.shape.workspace ? id_in(row, RowColumn::workspace) : Uuid{};
    if (workspace) row[0] = workspace == foreign_workspace ? foreign_organization : the_organization;
    const bool is_nobodys = asked.question.shape.shared && !workspace &&
                            (!asked.question.shape.organization || !id_in(row, RowColumn::organization));
    const bool is_left = narrow.holds_for(row);
    if (is_left && !before.holds_for(row)) return text_of("row with ", text_of_row(row), " is new");
    if (!is_nobodys && is_left != (workspace == world.narrowed_to && before.holds_for(row)))
      return text_of("row with ", text_of_row(row), is_left ? " is left" : " is gone");
  }
  return {};
}

inline constexpr std::array<RowProperty, 5> row_properties = {
    rows_are_what_the_model_says, payload_is_what_may_be_viewed, predicates_are_in_normal_form,
    what_is_not_needed_is_not_used, narrowing_takes_rows_away_only};

}  // namespace tenancy::test
