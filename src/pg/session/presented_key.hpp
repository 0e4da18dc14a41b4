// The API key that the session presents.
#pragma once

#include "pg/catalog/key_facts.hpp"

namespace tenancy::pg {

/// The key of tenancy.api_key, which may be used, but for its age, from where the session's client is.
/// ERRORS: 28000 for every other one. Nobody else gets more than that it is refused.
ApiKeyRead read_presented_key(const CatalogRead &read);

/// A WARNING for a key that has to be rotated soon; at most once an hour, since principals are resolved
/// again and again.
void warn_of_rotation(const ApiKeyRead &key);

}  // namespace tenancy::pg
