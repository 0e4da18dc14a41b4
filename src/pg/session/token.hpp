// Tokens: signed elsewhere, accepted if the signature is valid for a key of the organization that they
// name.
#pragma once

#include "core/access/model.hpp"
#include "pg/session/signed_token.hpp"

namespace tenancy::pg {

/// A token, with its claims resolved in the catalogs.
struct TokenRead {
  const char *refused;  // the reason for refusing it, or nullptr
  bool is_signed;       // by the organization: its holder may be shown the reason
  KeyFacts facts;       // those of a workspace service key with the token's scopes
  TimestampTz not_after;
  const char *subject;  // the user named by the signer, or nullptr; decides nothing
};
/// Never raises an error because of the token's contents.
TokenRead read_token(const CatalogRead &read, const SignedToken &token);

/// The registered permissions named by the words of a claim of scopes, by their names or as levels.
struct RegisteredScopes {
  PermissionSet permissions;
  bool any;  // words that name some, or a level; a level may give nothing
};
RegisteredScopes registered_scopes(const JsonValue &claim);

}  // namespace tenancy::pg
