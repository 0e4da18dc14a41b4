// The algebra of conditions on rows: each means what its parts mean, in normal form.
#include "core/access/row_predicate.hpp"

#include <gtest/gtest.h>

#include "row_properties.hpp"

namespace tenancy::test {
namespace {

using Kind = RowPredicate::Kind;
constexpr RowColumn organization = RowColumn::organization, workspace = RowColumn::workspace,
                    owner = RowColumn::owner;
constexpr Uuid a = made_up_id(1, 1), b = made_up_id(2, 2), c = made_up_id(3, 3);

RowPredicate in(RowColumn column, std::vector<Uuid> ids) {
  return RowPredicate::one_of(column, std::move(ids));
}
RowPredicate not_in(RowColumn column, std::vector<Uuid> ids) {
  return RowPredicate::none_of(column, std::move(ids));
}
RowPredicate is_null(RowColumn column) { return RowPredicate::is_null(column); }
const RowPredicate never;
const RowPredicate always = RowPredicate::always();

RowIds row_with(const Uuid &of_organization, const Uuid &of_workspace) {
  return {of_organization, of_workspace, {}, {}};
}

TEST(RowPredicate, IsTwoValued) {
  const RowIds empty{};
  EXPECT_FALSE(never.holds_for(empty));
  EXPECT_TRUE(always.holds_for(empty));
  EXPECT_FALSE(in(workspace, {a}).holds_for(empty));
  EXPECT_FALSE(not_in(workspace, {a}).holds_for(empty)) << "NULL is not outside of a list";
  EXPECT_FALSE(not_in(workspace, {}).holds_for(empty));
  EXPECT_TRUE(is_null(workspace).holds_for(empty));
  EXPECT_TRUE(in(workspace, {b, a}).holds_for(row_with({}, a)));
  EXPECT_FALSE(in(workspace, {b, a}).holds_for(row_with(a, c)));
  EXPECT_TRUE(not_in(workspace, {b, a}).holds_for(row_with({}, c)));
  EXPECT_FALSE(not_in(workspace, {b, a}).holds_for(row_with({}, b)));
}

TEST(RowPredicate, KeepsIdsAsASetWithoutNil) {
  EXPECT_EQ(in(workspace, {b, Uuid{}, a, b}).ids(), (std::vector{a, b}));
  EXPECT_EQ(in(workspace, {}), never);
  EXPECT_EQ(in(workspace, {Uuid{}}), never);
  EXPECT_EQ(not_in(workspace, {Uuid{}, b}).ids(), std::vector{b});
}

TEST(RowPredicate, ConstantsVanish) {
  const RowPredicate some = in(workspace, {a});
  EXPECT_EQ(some & always, some);
  EXPECT_EQ(always & some, some);
  EXPECT_EQ(some & never, never);
  EXPECT_EQ(some | never, some);
  EXPECT_EQ(never | some, some);
  EXPECT_EQ(some | always, always);
  EXPECT_EQ(never | never, never);
  EXPECT_EQ(always & always, always);
}

TEST(RowPredicate, TestsOfOneColumnAreOneTest) {
  EXPECT_EQ(in(workspace, {a}) | in(workspace, {b}), in(workspace, {a, b}));
  EXPECT_EQ(in(workspace, {a, b}) & in(workspace, {b, c}), in(workspace, {b}));
  EXPECT_EQ(in(workspace, {a}) & in(workspace, {b}), never);
  EXPECT_EQ(in(workspace, {a, b}) & not_in(workspace, {b}), in(workspace, {a}));
  EXPECT_EQ(not_in(workspace, {b}) | in(workspace, {b, c}), not_in(workspace, {}));
  EXPECT_EQ(not_in(workspace, {a}) & not_in(workspace, {b}), not_in(workspace, {a, b}));
  EXPECT_EQ(not_in(workspace, {a, b}) | not_in(workspace, {b, c}), not_in(workspace, {b}));
  EXPECT_EQ(is_null(workspace) & in(workspace, {a}), never);
  EXPECT_EQ(not_in(workspace, {a}) & is_null(workspace), never);
  EXPECT_EQ(is_null(workspace) | is_null(workspace), is_null(workspace));
  EXPECT_EQ(is_null(workspace) | not_in(workspace, {}), always);
  EXPECT_EQ((is_null(workspace) | not_in(workspace, {a})) | in(workspace, {a}), always);
}

TEST(RowPredicate, PartsAreFlatAndStayInOrder) {
  const RowPredicate whole = (in(organization, {a}) & is_null(workspace)) & in(owner, {c});
  ASSERT_EQ(whole.kind(), Kind::all_of);
  ASSERT_EQ(whole.parts().size(), 3U);
  EXPECT_EQ(whole.parts()[0], in(organization, {a}));
  EXPECT_EQ(whole.parts()[1], is_null(workspace));
  EXPECT_EQ(whole.parts()[2], in(owner, {c}));
  EXPECT_EQ(whole & in(owner, {c}), whole);
  const RowPredicate nested = in(organization, {a}) & (is_null(workspace) | in(owner, {c}));
  ASSERT_EQ(nested.parts().size(), 2U);
  EXPECT_EQ(nested.parts()[1].kind(), Kind::any_of);
}

TEST(RowPredicate, SaysWhichColumnMustHoldSomething) {
  EXPECT_TRUE(in(workspace, {a}).requires_value(workspace));
  EXPECT_TRUE(not_in(workspace, {}).requires_value(workspace));
  EXPECT_FALSE(in(workspace, {a}).requires_value(owner));
  EXPECT_FALSE(is_null(workspace).requires_value(workspace));
  EXPECT_FALSE(never.requires_value(workspace));
  EXPECT_TRUE((in(workspace, {a}) & is_null(owner)).requires_value(workspace));
  EXPECT_FALSE((in(workspace, {a}) | in(owner, {a})).requires_value(workspace));
  EXPECT_TRUE((in(workspace, {a}) | (in(workspace, {b}) & in(owner, {a}))).requires_value(workspace));
}

RowPredicate made_up_predicate(const Choices &choices, int depth) {
  const auto column = static_cast<RowColumn>(choices.below(row_column_count));
  const std::size_t kind = choices.below(depth == 0 ? 5 : 9);
  std::vector<Uuid> ids;
  for (const Uuid &id : {a, b, c})
    if (choices.one_in(2)) ids.push_back(id);
  if (kind == 0) return choices.one_in(2) ? never : always;
  if (kind == 1) return is_null(column);
  if (kind == 2) return not_in(column, ids);
  if (kind <= 4) return in(column, ids);
  RowPredicate one = made_up_predicate(choices, depth - 1), other = made_up_predicate(choices, depth - 1);
  return kind <= 6 ? std::move(one) & std::move(other) : std::move(one) | std::move(other);
}

TEST(RowPredicate, MeansWhatItsPartsMean) {
  const Choices choices = seeded_choices(4711);
  for (int i = 0; i < 50000; ++i) {
    const RowPredicate one = made_up_predicate(choices, 3), other = made_up_predicate(choices, 3);
    const RowPredicate both = one & other, either = one | other;
    for (const RowPredicate *predicate : {&one, &both, &either}) ASSERT_EQ(fault_of_form(*predicate), "");
    for (int j = 0; j < 8; ++j) {
      RowIds row;
      for (Uuid &id : row) id = choices.one_of(std::array{Uuid{}, a, b, c, made_up_id(9, 9)});
      ASSERT_EQ(both.holds_for(row), one.holds_for(row) && other.holds_for(row));
      ASSERT_EQ(either.holds_for(row), one.holds_for(row) || other.holds_for(row));
      for (const RowColumn column : row_columns) {
        const bool is_ruled_out = id_in(row, column).is_nil() && one.requires_value(column);
        ASSERT_FALSE(is_ruled_out && one.holds_for(row));
      }
    }
  }
}

}  // namespace
}  // namespace tenancy::test
