// Notices and warnings of the extension's functions. Those of RAISE have a CONTEXT that names inner functions
// and statements, which are no concern of clients; these have that of the caller.
#include "pg/catalog/caller.hpp"

namespace tenancy::pg {
namespace {

const char *optional_text(FunctionCallInfo fcinfo, int position) {
  return PG_ARGISNULL(position) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(position));
}

void send(int level, FunctionCallInfo fcinfo) {
  const char *text = optional_text(fcinfo, 0), *detail = optional_text(fcinfo, 1),
             *hint = optional_text(fcinfo, 2);
  // An error on the way puts the stack back by itself.
  ErrorContextCallback *own = error_context_stack;
  error_context_stack = error_context_of_caller();
  ereport(level, (errmsg_internal("%s", text == nullptr ? "" : text),
                  detail == nullptr ? 0 : errdetail_internal("%s", detail),
                  hint == nullptr ? 0 : errhint("%s", hint)));
  error_context_stack = own;
}

}  // namespace

extern "C" {
// notice(message, detail, hint)
PG_FUNCTION_INFO_V1(pg_tenancy_notice);
Datum pg_tenancy_notice(PG_FUNCTION_ARGS) {
  send(NOTICE, fcinfo);
  PG_RETURN_VOID();
}

// warning(message, detail, hint)
PG_FUNCTION_INFO_V1(pg_tenancy_warning);
Datum pg_tenancy_warning(PG_FUNCTION_ARGS) {
  send(WARNING, fcinfo);
  PG_RETURN_VOID();
}
}

}  // namespace tenancy::pg
