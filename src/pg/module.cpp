// Entry point: the server calls _PG_init() when it loads the module.

#include "pg/functions/altered_table.hpp"
#include "pg/functions/audit_notification.hpp"
#include "pg/functions/audit_reads.hpp"
#include "pg/functions/catalog_changes.hpp"
#include "pg/functions/child_table.hpp"
#include "pg/functions/column_types.hpp"
#include "pg/functions/early_refusal.hpp"
#include "pg/functions/foreign_triggers.hpp"
#include "pg/functions/kept_rows.hpp"
#include "pg/functions/legal_hold.hpp"
#include "pg/functions/meant_names.hpp"
#include "pg/functions/stored_values.hpp"
#include "pg/functions/unheld_changes.hpp"
#include "pg/plan/conflict_condition.hpp"
#include "pg/plan/distributed_query.hpp"
#include "pg/plan/early_parameters.hpp"
#include "pg/plan/early_principal.hpp"
#include "pg/plan/empty_relation.hpp"
#include "pg/plan/folded_insert.hpp"
#include "pg/plan/index_promotion.hpp"
#include "pg/plan/invalidation.hpp"
#include "pg/plan/kept_statistics.hpp"
#include "pg/plan/late_conditions.hpp"
#include "pg/plan/owner_exemption.hpp"
#include "pg/plan/run_check.hpp"
#include "pg/plan/shared_plans.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/pg_prelude.hpp"
#include "pg/server/session_locks.hpp"
#include "pg/session/audit_events.hpp"
#include "pg/session/key_use.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"
#include "pg/session/seal_and_lifetime.hpp"

extern "C" {
TENANCY_MODULE_MAGIC("pg_tenancy", PG_TENANCY_VERSION);

void _PG_init(void);
void _PG_init(void) {
  tenancy::pg::refuse_late_load();
  tenancy::pg::refuse_stale_placeholders();
  tenancy::pg::define_parameters();
  tenancy::pg::register_invalidation();
  tenancy::pg::register_catalog_changes();
  tenancy::pg::register_principal_safety();
  tenancy::pg::register_claims();
  tenancy::pg::register_empty_relation();
  tenancy::pg::register_index_promotion();
  tenancy::pg::register_kept_statistics();
  tenancy::pg::register_shared_plans();
  tenancy::pg::register_counters();
  tenancy::pg::register_late_conditions();
  tenancy::pg::register_owner_exemption();
  tenancy::pg::register_folded_insert();
  tenancy::pg::register_run_checks();
  tenancy::pg::register_early_parameters();
  tenancy::pg::register_early_principal();
  // The first to see a plan that is started: run checks make copies of it.
  tenancy::pg::register_conflict_conditions();
  tenancy::pg::register_child_tables();
  tenancy::pg::register_meant_names();
  tenancy::pg::register_column_types();
  tenancy::pg::register_legal_holds();
  tenancy::pg::register_kept_rows();
  tenancy::pg::register_unheld_changes();
  tenancy::pg::register_audit_events();
  tenancy::pg::register_audit_reads();
  tenancy::pg::register_audit_notifications();
  tenancy::pg::register_key_use();
  tenancy::pg::register_distributed_queries();
  tenancy::pg::register_foreign_triggers();
  tenancy::pg::register_early_refusal();
  tenancy::pg::register_altered_tables();
  tenancy::pg::register_stored_values();
  tenancy::pg::register_session_locks();
}
}
