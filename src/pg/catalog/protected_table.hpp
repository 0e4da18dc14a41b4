// A table's row of tenancy.protected_tables.
#pragma once

#include "core/access/row_predicate.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

inline constexpr int most_through = 4;

/// The columns that say whose a row is, as numbers (RowColumn).
namespace id_column {
inline constexpr int organization = static_cast<int>(RowColumn::organization);
inline constexpr int workspace = static_cast<int>(RowColumn::workspace);
inline constexpr int owner = static_cast<int>(RowColumn::owner);
inline constexpr int api_key = static_cast<int>(RowColumn::api_key);
}  // namespace id_column
inline constexpr int id_column_count = static_cast<int>(row_column_count);

struct ProtectedTable {
  bool found;
  const char *resource;
  const char *column_names[id_column_count];  // nullptr for none
  const char *writer_column;                  // where the owner column names the initiator
  bool metadata_only;
  bool with_organization;
  bool shared;
  bool workspace_decides;
  bool inherits_owner;
  bool fill_nulls;
  Datum actions;  // jsonb: actions, and the columns that need them
  bool has_actions;
  const char *through[most_through];  // columns that refer to parents
  int through_count;
};

/// In the current memory context.
ProtectedTable read_protected_table(Oid relation);

/// The columns that need the action, as words between quotes; nullptr if none does.
const char *columns_of_action(const ProtectedTable &table, const char *action);

}  // namespace tenancy::pg
