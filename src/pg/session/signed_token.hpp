// A token taken apart: what it says, and whether a key has signed it. What it is worth is for others to say.
#pragma once

#include "core/credential/compact_token.hpp"
#include "core/credential/jwk.hpp"
#include "core/credential/token_header.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// In the current memory context.
struct SignedToken {
  const char *problem;  // for the server's log, or nullptr
  CompactToken parts;
  TokenHeader header;
  JsonObject payload;
};
/// Never raises an error because of the token's contents. Nothing is verified.
SignedToken take_apart(const char *token);

/// The key in a column of a catalog that holds JSON Web Keys; false if it can't be read.
bool read_key(const CatalogScan &scan, HeapTuple tuple, AttrNumber column, Jwk &key);

/// RETURNS nullptr if the key has signed the token, or the problem, for the server's log.
const char *check_signature(const SignedToken &token, const Jwk &key);

Datum text_datum(std::string_view text);

}  // namespace tenancy::pg
