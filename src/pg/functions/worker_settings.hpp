// Settings of background workers.
#pragma once

namespace tenancy::pg {

/// Overrides what the database, or all roles, have been given as settings for sessions. Before the worker
/// connects.
void override_settings();

}  // namespace tenancy::pg
