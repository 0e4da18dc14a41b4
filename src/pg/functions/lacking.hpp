// Missing rights of a delegation as the result of an SQL function.
#pragma once

#include "core/access/delegation.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the first missing permission by name, or the description of another missing right; NULL for none.
Datum lacking_datum(FunctionCallInfo fcinfo, const Shortfall &lacking);

/// RETURNS the first moment at which the user's facts no longer suffice, as the core says by `lacks`: now, a
/// moment at which something ends, or DT_NOEND. Every such moment is judged, since a denial has an end, too.
template <typename Lacks>
TimestampTz lacking_from(CatalogRead read, const Uuid &organization, const Uuid &user, const Lacks &lacks) {
  for (;;) {
    const UserFactsRead facts = read_user_facts(read, organization, user);
    bool is_lacking = true;
    if (facts.is_member) run_core([&] { is_lacking = lacks(facts.facts); });
    if (is_lacking) return read.moment;
    if (facts.facts.until == DT_NOEND) return DT_NOEND;
    read.moment = facts.facts.until;
  }
}

}  // namespace tenancy::pg
