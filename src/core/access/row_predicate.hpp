// A condition on the ids in a row: a small tree with a normal form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/access/uuid.hpp"

namespace tenancy {

/// The columns of a row that conditions are about: its tenant, its owner and its key.
enum class RowColumn : std::uint8_t { organization, workspace, owner, api_key };
inline constexpr std::size_t row_column_count = 4;

/// The ids in a row's columns; nil stands for NULL.
using RowIds = std::array<Uuid, row_column_count>;

/// True or false for every row, never unknown: a comparison with NULL is false.
///
/// Normal form, an invariant of all functions here: `never` and `always` stand alone; `all_of` and `any_of`
/// have at least two parts, none of the same kind, no duplicates, and no two tests of one column that a
/// single test can express. Ids are sorted, without nil. Parts keep their order.
class RowPredicate {
 public:
  enum class Kind : std::uint8_t { never, always, is_null, one_of, none_of, all_of, any_of };

  /// Never.
  RowPredicate() = default;
  static RowPredicate always();
  static RowPredicate is_null(RowColumn column);
  /// The column contains one of these ids; nil ids are ignored.
  static RowPredicate one_of(RowColumn column, std::vector<Uuid> ids);
  /// The column is not NULL, and contains none of these ids.
  static RowPredicate none_of(RowColumn column, std::vector<Uuid> ids);
  friend RowPredicate operator&(RowPredicate one, RowPredicate other);
  friend RowPredicate operator|(RowPredicate one, RowPredicate other);

  Kind kind() const noexcept { return kind_; }
  bool is_never() const noexcept { return kind_ == Kind::never; }
  /// REQUIRES: is_null, one_of or none_of.
  RowColumn column() const noexcept { return column_; }
  const std::vector<Uuid> &ids() const noexcept { return ids_; }
  /// REQUIRES: all_of or any_of.
  const std::vector<RowPredicate> &parts() const noexcept { return parts_; }

  bool holds_for(const RowIds &row) const noexcept;
  /// Whether no row in which the column is NULL satisfies the predicate. True for `never`.
  bool requires_value(RowColumn column) const noexcept;
  bool operator==(const RowPredicate &) const = default;

 private:
  static RowPredicate test(Kind kind, RowColumn column, std::vector<Uuid> ids);
  static RowPredicate combined(Kind kind, RowPredicate &&one, RowPredicate &&other);
  bool is_test() const noexcept {
    return kind_ == Kind::is_null || kind_ == Kind::one_of || kind_ == Kind::none_of;
  }
  void add_part(RowPredicate &&part);
  bool merge_with(const RowPredicate &other, Kind how);

  Kind kind_ = Kind::never;
  RowColumn column_ = RowColumn::organization;
  std::vector<Uuid> ids_;
  std::vector<RowPredicate> parts_;
};

}  // namespace tenancy
