#include "core/access/row_predicate.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using Ids = std::vector<Uuid>;
using Kind = RowPredicate::Kind;

Ids in_either(const Ids &one, const Ids &other) {
  Ids ids;
  std::set_union(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(ids));
  return ids;
}

Ids in_both(const Ids &one, const Ids &other) {
  Ids ids;
  std::set_intersection(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(ids));
  return ids;
}

Ids only_in(const Ids &one, const Ids &other) {
  Ids ids;
  std::set_difference(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(ids));
  return ids;
}

// The neutral part of all_of or any_of, and the part that decides it alone.
constexpr Kind neutral(Kind kind) noexcept { return kind == Kind::all_of ? Kind::always : Kind::never; }
constexpr Kind absorbing(Kind kind) noexcept { return kind == Kind::all_of ? Kind::never : Kind::always; }

// Organization, workspace, owner and key: what a written row must agree with.
constexpr std::size_t usual_parts = row_column_count;

}  // namespace

RowPredicate RowPredicate::test(Kind kind, RowColumn column, Ids ids) {
  RowPredicate predicate;
  predicate.kind_ = kind;
  predicate.column_ = column;
  const auto is_out_of_order = [](const Uuid &one, const Uuid &next) { return !(one < next); };
  if (std::adjacent_find(ids.begin(), ids.end(), is_out_of_order) != ids.end()) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  if (!ids.empty() && ids.front().is_nil()) ids.erase(ids.begin());
  predicate.ids_ = std::move(ids);
  return predicate;
}

RowPredicate RowPredicate::always() {
  RowPredicate predicate;
  predicate.kind_ = Kind::always;
  return predicate;
}

RowPredicate RowPredicate::is_null(RowColumn column) { return test(Kind::is_null, column, {}); }

RowPredicate RowPredicate::one_of(RowColumn column, Ids ids) {
  RowPredicate predicate = test(Kind::one_of, column, std::move(ids));
  if (predicate.ids_.empty()) return {};
  return predicate;
}

RowPredicate RowPredicate::none_of(RowColumn column, Ids ids) {
  return test(Kind::none_of, column, std::move(ids));
}

// Merges two tests of the same column, as sets of possible contents: NULL, some ids, or all ids but some.
// False if one test can't express the result.
bool RowPredicate::merge_with(const RowPredicate &other, Kind how) {
  const auto become = [this](Kind kind, Ids ids) {
    const bool is_empty = kind == Kind::one_of && ids.empty();
    *this = is_empty ? RowPredicate() : test(kind, column_, std::move(ids));
    return true;
  };
  if (kind_ > other.kind_) {
    RowPredicate merged = other;
    if (!merged.merge_with(*this, how)) return false;
    *this = std::move(merged);
    return true;
  }
  // From here on in the order of their kinds: is_null, one_of, none_of.
  if (kind_ == Kind::is_null) {
    if (other.kind_ == Kind::is_null) return true;
    if (how == Kind::all_of) return *this = RowPredicate(), true;
    const bool is_all_else = other.kind_ == Kind::none_of && other.ids_.empty();
    return is_all_else && (*this = always(), true);
  }
  const bool is_and = how == Kind::all_of;
  if (kind_ == Kind::none_of)
    return become(Kind::none_of, is_and ? in_either(ids_, other.ids_) : in_both(ids_, other.ids_));
  if (other.kind_ == Kind::one_of)
    return become(Kind::one_of, is_and ? in_both(ids_, other.ids_) : in_either(ids_, other.ids_));
  return is_and ? become(Kind::one_of, only_in(ids_, other.ids_))
                : become(Kind::none_of, only_in(other.ids_, ids_));
}

void RowPredicate::add_part(RowPredicate &&part) {
  if (part.kind_ == neutral(kind_)) return;
  if (part.kind_ == kind_) {
    for (RowPredicate &inner : part.parts_) add_part(std::move(inner));
    return;
  }
  for (auto other = parts_.begin(); other != parts_.end(); ++other) {
    if (*other == part) return;
    if (!other->is_test() || !part.is_test() || other->column_ != part.column_) continue;
    if (!part.merge_with(*other, kind_)) continue;
    // A merged test may in turn merge with another.
    parts_.erase(other);
    add_part(std::move(part));
    return;
  }
  parts_.push_back(std::move(part));
}

RowPredicate RowPredicate::combined(Kind kind, RowPredicate &&one, RowPredicate &&other) {
  if (one.kind_ == absorbing(kind) || other.kind_ == neutral(kind)) return std::move(one);
  if (other.kind_ == absorbing(kind) || one.kind_ == neutral(kind)) return std::move(other);
  RowPredicate whole;
  if (one.kind_ == kind) {
    // Its parts have been compared with each other.
    whole = std::move(one);
  } else {
    whole.kind_ = kind;
    whole.parts_.reserve(usual_parts);
    whole.parts_.push_back(std::move(one));
  }
  whole.add_part(std::move(other));
  for (RowPredicate &part : whole.parts_)
    if (whole.parts_.size() == 1 || part.kind_ == absorbing(kind)) {
      RowPredicate only = std::move(part);
      return only;
    }
  if (!whole.parts_.empty()) return whole;
  return kind == Kind::all_of ? always() : RowPredicate();
}

RowPredicate operator&(RowPredicate one, RowPredicate other) {
  return RowPredicate::combined(Kind::all_of, std::move(one), std::move(other));
}

RowPredicate operator|(RowPredicate one, RowPredicate other) {
  return RowPredicate::combined(Kind::any_of, std::move(one), std::move(other));
}

bool RowPredicate::holds_for(const RowIds &row) const noexcept {
  const Uuid &id = row[static_cast<std::size_t>(column_)];
  const auto holds = [&](const RowPredicate &part) { return part.holds_for(row); };
  switch (kind_) {
    case Kind::never:
      return false;
    case Kind::always:
      return true;
    case Kind::is_null:
      return id.is_nil();
    case Kind::one_of:
      return std::binary_search(ids_.begin(), ids_.end(), id);
    case Kind::none_of:
      return !id.is_nil() && !std::binary_search(ids_.begin(), ids_.end(), id);
    case Kind::all_of:
      return std::all_of(parts_.begin(), parts_.end(), holds);
    case Kind::any_of:
      return std::any_of(parts_.begin(), parts_.end(), holds);
  }
  return false;
}

bool RowPredicate::requires_value(RowColumn column) const noexcept {
  const auto requires_it = [&](const RowPredicate &part) { return part.requires_value(column); };
  switch (kind_) {
    case Kind::one_of:
    case Kind::none_of:
      return column_ == column;
    case Kind::all_of:
      return std::any_of(parts_.begin(), parts_.end(), requires_it);
    case Kind::any_of:
      return std::all_of(parts_.begin(), parts_.end(), requires_it);
    case Kind::never:
    case Kind::always:
    case Kind::is_null:
      break;
  }
  return false;
}

}  // namespace tenancy
