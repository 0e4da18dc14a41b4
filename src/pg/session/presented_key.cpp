#include "pg/session/presented_key.hpp"

#include "core/credential/api_key.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/claims.hpp"
#include "pg/session/client_address.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/refusals.hpp"

namespace tenancy::pg {
namespace {

struct {
  Uuid key;
  TimestampTz at;
} last_warning{};

}  // namespace

ApiKeyRead read_presented_key(const CatalogRead &read) {
  check_claims_required();
  if (!is_api_key(configuration.api_key)) refuse_api_key("it is mistyped or no API key");
  const ApiKeyRead key = read_api_key(read, configuration.api_key);
  if (!key.usable && !key.must_rotate) refuse_api_key(key.reason);
  if (key.is_confined && !is_client_in(key.networks))
    refuse_api_key("the client's address is in none of the key's networks");
  return key;
}

void warn_of_rotation(const ApiKeyRead &key) {
  const TimestampTz now = statement_time();
  if (key.rotation_due_at > now || IsParallelWorker()) return;
  if (last_warning.key == key.id && now - last_warning.at < USECS_PER_HOUR) return;
  last_warning = {key.id, now};
  ereport(WARNING, (errmsg("the session's API key must be rotated by %s", timestamptz_to_str(key.not_after)),
                    errdetail("From then on it is refused."),
                    errhint("Use tenancy.rotate_api_key(), or tenancy.rotate_own_api_key().")));
}

}  // namespace tenancy::pg
