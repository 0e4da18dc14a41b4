#include "pg/server/printed_plans.hpp"

#include <initializer_list>

namespace tenancy::pg {

void print_no_plans() {
  if (!are_plans_printed()) return;
  // Those that this version of the server has.
  for (const char *name :
       {"debug_print_raw_parse", "debug_print_parse", "debug_print_rewritten", "debug_print_plan"})
    if (GetConfigOption(name, true, false) != nullptr)
      set_config_option(name, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

}  // namespace tenancy::pg
