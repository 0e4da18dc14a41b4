// A condition on what a row says of itself: a small tree with a normal form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/access/uuid.hpp"

namespace tenancy {

/// What a row can say: whose it is, and who produced it.
enum class RowColumn : std::uint8_t { organization, workspace, owner, api_key };
inline constexpr std::size_t row_column_count = 4;

/// The ids in a row's columns; nil stands for NULL.
using RowIds = std::array<Uuid, row_column_count>;

/// True or false of every row, never unknown: a comparison with NULL is false.
///
/// Normal form, which every function here keeps: `never` and `always` stand alone; `all_of` and `any_of` have
/// two parts or more, none of them of the same kind, none twice; what one test of a column can say is not
/// said by two. Ids are sorted, without nil. Parts stay in the order in which they were put together.
class RowPredicate {
 public:
  enum class Kind : std::uint8_t { never, always, is_null, one_of, none_of, all_of, any_of };

  /// Never.
  RowPredicate() = default;
  static RowPredicate always();
  static RowPredicate is_null(RowColumn column);
  /// The column names one of these; nobody's id (nil) is none.
  static RowPredicate one_of(RowColumn column, std::vector<Uuid> ids);
  /// The column names something, and none of these.
  static RowPredicate none_of(RowColumn column, std::vector<Uuid> ids);
  friend RowPredicate operator&(RowPredicate one, RowPredicate other);
  friend RowPredicate operator|(RowPredicate one, RowPredicate other);

  Kind kind() const noexcept { return kind_; }
  bool is_never() const noexcept { return kind_ == Kind::never; }
  /// Of a test of a column: is_null, one_of, none_of.
  RowColumn column() const noexcept { return column_; }
  const std::vector<Uuid> &ids() const noexcept { return ids_; }
  /// Of all_of and any_of.
  const std::vector<RowPredicate> &parts() const noexcept { return parts_; }

  bool holds_for(const RowIds &row) const noexcept;
  /// Whether no row in which the column is NULL satisfies it. `never` requires none.
  bool requires_value(RowColumn column) const noexcept;
  bool operator==(const RowPredicate &) const = default;

 private:
  static RowPredicate test(Kind kind, RowColumn column, std::vector<Uuid> ids);
  static RowPredicate combined(Kind kind, RowPredicate one, RowPredicate other);
  bool is_test() const noexcept {
    return kind_ == Kind::is_null || kind_ == Kind::one_of || kind_ == Kind::none_of;
  }
  void add_part(RowPredicate part);
  bool merge_with(const RowPredicate &other, Kind how);

  Kind kind_ = Kind::never;
  RowColumn column_ = RowColumn::organization;
  std::vector<Uuid> ids_;
  std::vector<RowPredicate> parts_;
};

}  // namespace tenancy
