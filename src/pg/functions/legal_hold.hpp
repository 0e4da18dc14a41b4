// Legal holds: rows of tables that follow the logging settings stay as long as an organization, or one of its
// workspaces, is under a hold.
//
// DELETE and UPDATE meet a trigger (kept_content.cpp). What removes rows without one, or the trigger itself,
// is refused here: TRUNCATE, and every way to drop or detach a table or partition, to drop a column, or to
// drop or disable the trigger.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Watches what is dropped or altered, in sessions that have loaded the module; an event trigger loads it
/// before each command.
void register_legal_holds();

}  // namespace tenancy::pg
