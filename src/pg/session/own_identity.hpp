// The session's person, for actions that concern only that person: joining, declining, leaving. They require
// no organization, neither chosen nor existing, and no credential that an organization can issue counts as
// the person.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

enum class IdentitySource : int {
  nobody,
  credential,  // an API key, a claim, or a token that an organization can make: none speaks for the person
  person
};

struct OwnIdentity {
  IdentitySource source;
  Uuid user;          // nil if no user has the address yet
  const char *email;  // in the current memory context
  Uuid trust;         // by which trusted issuer's token; nil for none
  const char *token_subject;
};

/// Raises 28000 for a user that the session may not choose, or that does not exist or is not active, and on a
/// node that requires claims.
OwnIdentity read_own_identity(const CatalogRead &read);

/// RETURNS why the session's token doesn't count in what its person decides about an organization (nil: about
/// itself in all), as a sentence; nullptr if it does, and for a person without a token. It can have been
/// ended there, while elsewhere it still is the person's.
const char *problem_of_token_in(const CatalogRead &read, const Uuid &organization);

}  // namespace tenancy::pg
