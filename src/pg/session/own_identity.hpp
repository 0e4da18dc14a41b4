// The person that a session speaks for in what concerns this person alone: joining, declining, leaving. No
// organization need be chosen for it, none be there, and no credential that an organization can make is it.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

enum class IdentitySource : int {
  nobody,
  credential,  // an API key, or a token that an organization can make: it doesn't speak for the person
  person
};

struct OwnIdentity {
  IdentitySource source;
  Uuid user;          // nil where nobody has the address yet
  const char *email;  // in the current memory context
  Uuid trust;         // by which trusted issuer's token; nil for none
  const char *token_subject;
};

/// Raises 28000 for a user that the session may not name, or that doesn't exist or is not active.
OwnIdentity read_own_identity(const CatalogRead &read);

}  // namespace tenancy::pg
