// The result rows of a set-returning function, column by column.
#pragma once

#include "core/access/access.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {

class ResultRows {
 public:
  /// Starts the function's result; the columns of each row follow by add_…(), left to right, then end_row().
  explicit ResultRows(FunctionCallInfo fcinfo);

  void add(Datum value);
  void add_null();
  void add_text(const char *text);  // nullptr for NULL
  void add_id(const Uuid &id);      // nil for NULL
  void end_row();

 private:
  static constexpr int capacity = 16;
  ReturnSetInfo *result_;
  Datum values_[capacity];
  bool nulls_[capacity];
  int count_ = 0;
};

/// 'all', 'own' or nullptr.
const char *rows_name(Rows rows);

}  // namespace tenancy::pg
