// Tokens: signed elsewhere, believed when the signature is by a key of the organization that they name.
#pragma once

#include "core/access/model.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// A token as its claims and the catalogs have it.
struct TokenRead {
  const char *refused;  // why the token isn't good, for the server's log alone, or nullptr
  KeyFacts facts;       // what a workspace service key with the token's scopes would have
  TimestampTz not_after;
  const char *subject;  // whom the signer meant, or nullptr; decides nothing
};
/// Never raises an error because of what the token says.
TokenRead read_token(const CatalogRead &read, const char *token);

}  // namespace tenancy::pg
