#include "pg/session/refusals.hpp"

#include "core/credential/api_key.hpp"
#include "pg/session/denials.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {

// One message for all failures of a key: only the server's log has the reason. Whoever has a genuine secret,
// and uses it from where it may be used, is also shown what has become of its user, and what to do.
void refuse_api_key(const char *reason, const char *detail, const char *hint) {
  record_denial(Counter::denied_api_key,
                api_key_display_prefix(configuration.api_key).empty()
                    ? nullptr
                    : pnstrdup(configuration.api_key, api_key_display_length),
                reason);
  ereport(ERROR, (refused(Refused::credential), errmsg("invalid or expired API key"),
                  detail == nullptr ? 0 : errdetail("%s", detail), hint == nullptr ? 0 : errhint("%s", hint),
                  errhidestmt(true)));
  pg_unreachable();
}

// The log has every reason; the holder of a token with a valid signature is shown what is wrong with it, too.
void refuse_token(const char *reason, const char *detail, Refused why) {
  record_denial(Counter::denied_token, nullptr, reason);
  ereport(ERROR,
          (refused(why), errmsg("invalid or expired token"), detail == nullptr ? 0 : errdetail("%s.", detail),
           // the statement may have set it
           errhidestmt(true)));
  pg_unreachable();
}

void refuse_user(const char *detail) {
  record_denial(Counter::denied_user, *configuration.user == '\0' ? nullptr : configuration.user, detail);
  ereport(
      ERROR,
      (refused(Refused::user),
       errmsg("the session's user does not exist, is not active, or is not a member of the organization")));
  pg_unreachable();
}

}  // namespace tenancy::pg
