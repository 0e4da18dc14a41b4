// The session's person, for actions that concern only that person: joining, declining, leaving. They require
// no organization, neither chosen nor existing, and no credential that an organization can issue counts as
// the person.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

enum class IdentitySource : int {
  nobody,
  credential,  // an API key or a token: whoever it stands for, it doesn't speak for the person
  person
};

struct OwnIdentity {
  IdentitySource source;
  Uuid user;          // nil if no user has the address yet
  const char *email;  // in the current memory context
};

/// Raises 28000 for a user that the session may not choose, or that does not exist or is not active.
OwnIdentity read_own_identity(const CatalogRead &read);

}  // namespace tenancy::pg
