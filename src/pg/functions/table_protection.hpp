// Reads a table's policies, as made by protect().
#pragma once

#include "pg/catalog/protected_table.hpp"

namespace tenancy::pg {

/// The function call in a policy: its constant arguments and columns.
struct PolicyCall {
  const char *resource;
  const char *command;
  AttrNumber columns[id_column_count];
  bool with_organization;
  const char *options;  // as row_options() reads them
};

/// Returns false if there is no SELECT policy, or not one made by protect().
bool read_select_policy(Relation relation, PolicyCall &call);

}  // namespace tenancy::pg
