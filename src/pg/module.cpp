// What the server calls when it loads the module.

#include "pg/child_table.hpp"
#include "pg/compat.hpp"
#include "pg/counters.hpp"
#include "pg/empty_relation.hpp"
#include "pg/index_promotion.hpp"
#include "pg/invalidation.hpp"
#include "pg/owner_exemption.hpp"
#include "pg/pg_prelude.hpp"
#include "pg/principal_safety.hpp"
#include "pg/settings.hpp"
#include "pg/shared_plans.hpp"

extern "C" {
TENANCY_MODULE_MAGIC("pg_tenancy", PG_TENANCY_VERSION);

void _PG_init(void);
void _PG_init(void) {
  tenancy::pg::refuse_stale_placeholders();
  tenancy::pg::define_settings();
  tenancy::pg::register_invalidation();
  tenancy::pg::register_principal_safety();
  tenancy::pg::register_empty_relation();
  tenancy::pg::register_index_promotion();
  tenancy::pg::register_shared_plans();
  tenancy::pg::register_counters();
  tenancy::pg::register_owner_exemption();
  tenancy::pg::register_child_tables();
}
}
