#include "pg/functions/worker_settings.hpp"

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {
namespace {

// Settings of the database, or of all roles, are made for its sessions: with these, a worker could not
// write, or would write other values than elsewhere. As in autovacuum, they are overridden before they are
// read.
constexpr const char *own_settings[][2] = {{"role", "none"},
                                           {"search_path", "pg_catalog"},
                                           {"session_replication_role", "origin"},
                                           {"default_transaction_read_only", "off"},
                                           {"default_transaction_deferrable", "off"},
                                           {"default_transaction_isolation", "read committed"},
                                           {"statement_timeout", "0"},
                                           {"transaction_timeout", "0"},
                                           {"lock_timeout", "0"},
                                           {"idle_in_transaction_session_timeout", "0"},
                                           {"check_function_bodies", "on"},
                                           {"row_security", "on"},
                                           {"standard_conforming_strings", "on"},
                                           {"transform_null_equals", "off"},
                                           {"array_nulls", "on"},
                                           {"quote_all_identifiers", "off"},
                                           {"DateStyle", "ISO, MDY"},
                                           {"IntervalStyle", "postgres"},
                                           {"TimeZone", "GMT"},
                                           {"bytea_output", "hex"},
                                           {"extra_float_digits", "1"},
                                           {"default_tablespace", ""},
                                           {"temp_tablespaces", ""},
                                           {"default_table_access_method", "heap"},
                                           {"zero_damaged_pages", "off"},
                                           {"exit_on_error", "off"},
                                           {"jit", "off"},
                                           {"max_parallel_workers_per_gather", "0"},
                                           {"plpgsql.variable_conflict", "error"},
                                           {"tenancy.api_key", ""},
                                           {"tenancy.jwt", ""},
                                           {"tenancy.user", ""},
                                           {"tenancy.organization", ""},
                                           {"tenancy.workspace", ""}};

}  // namespace

void override_settings() {
  for (const auto &setting : own_settings)
    if (strchr(setting[0], '.') != nullptr || GetConfigOption(setting[0], true, false) != nullptr)
      SetConfigOption(setting[0], setting[1], PGC_SUSET, PGC_S_OVERRIDE);
}

}  // namespace tenancy::pg
