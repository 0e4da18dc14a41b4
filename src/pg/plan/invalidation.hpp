// Notifications of the server increase the counters of generation.hpp, and a counter that increases drops
// plans. Nothing else: everything else is cached with a token. docs/design/invalidation.md has the states.
#pragma once

#include "pg/catalog/catalog_tables.hpp"
#include "pg/catalog/generation.hpp"

namespace tenancy::pg {

void register_invalidation();

/// A topic's notification is a relcache message for a relation that does not exist, with this OID. If a
/// relation does have it, its notifications count as the topic's, and the other way round, at the cost of
/// some superfluous work.
inline constexpr Oid topic_bit = Oid{1} << topic_bits;
inline Oid relation_of(Topic topic) { return topic_bit | topic; }
inline bool is_topic(Oid relation) { return (relation & topic_bit) != 0; }
inline Topic topic_of(Oid relation) { return relation & ~topic_bit; }

/// A list's notification is a relcache message of the index that it is read from.
inline CatalogIndex index_of(IdList list) {
  return list == IdList::workspaces ? CatalogIndex::workspaces_organization_id_slug_key
                                    : CatalogIndex::api_keys_user_idx;
}

/// Drops every plan with a filter.
void drop_specialized_plans();

}  // namespace tenancy::pg
