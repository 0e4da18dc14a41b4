// Code of others at the end of the extension's statements: checks and actions of foreign keys to its
// catalogs, and triggers of tables that such actions change.
#pragma once

namespace tenancy::pg {

/// Has settings that others' code changes at a statement's end put back, and before PostgreSQL 18 raises
/// 55000 where AFTER triggers of other owners would run with the rights of whoever runs the statement.
void register_foreign_triggers();

}  // namespace tenancy::pg
