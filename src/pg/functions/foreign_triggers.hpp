// Code of others at the end of the extension's statements: checks and actions of foreign keys to its
// catalogs, and triggers of tables that such actions change.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Raises 55000 if a change of the table's rows sets off AFTER triggers of other owners than `user`: those of
/// tables that actions of foreign keys change together with it run as `user` before PostgreSQL 18. Triggers
/// of superusers' tables and functions are exempt.
void refuse_triggers_of_others(Oid table, Oid user);

void register_foreign_triggers();

}  // namespace tenancy::pg
