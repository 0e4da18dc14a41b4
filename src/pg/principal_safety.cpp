#include "pg/principal_safety.hpp"

#include "pg/principal.hpp"
#include "pg/settings.hpp"

namespace tenancy::pg {
namespace {

struct {
  bool sealed;
  uint64 sealed_stamp;
  bool set_in_session;
} state{};

void reset_principal() {
  for (const char *name : principal_settings)
    set_config_option(name, nullptr, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      state.sealed = false;
      if (state.set_in_session && settings.principal_lifetime == PrincipalLifetime::transaction) {
        reset_principal();
        state.set_in_session = false;
      }
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
      state.sealed = false;
      break;
    default:
      break;
  }
}
}

}  // namespace

void register_principal_safety() { RegisterXactCallback(transaction_ends, nullptr); }

bool may_change_principal(GucSource source) {
  if (state.sealed && source >= PGC_S_INTERACTIVE) {
    GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
    GUC_check_errmsg("the session's principal is sealed until the transaction ends");
    return false;
  }
  if (source == PGC_S_SESSION) state.set_in_session = true;
  return true;
}

void check_seal() {
  if (!state.sealed || identity_stamp() == state.sealed_stamp) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("the session's principal is sealed until the transaction ends"),
                  errdetail("It has been changed since.")));
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_seal);
Datum pg_tenancy_seal(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  current_principal();  // a sealed principal is one that holds
  state.sealed = true;
  state.sealed_stamp = identity_stamp();
  return 0;
}
}

}  // namespace tenancy::pg
