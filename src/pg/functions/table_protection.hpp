// What a table's policies say, as protect() made them.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

inline constexpr int id_column_count = 4;  // organization, workspace, owner, API key, in this order

/// The call that a policy consists of: what it names.
struct PolicyCall {
  const char *resource;
  const char *command;
  AttrNumber columns[id_column_count];
  bool with_organization;
  const char *options;  // as row_options() reads them
};

/// What the policy for SELECT says; false where it isn't there, or isn't as protect() makes it.
bool read_select_policy(Relation relation, PolicyCall &call);

}  // namespace tenancy::pg
