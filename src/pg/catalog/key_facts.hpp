// An API key as the catalog has it: whether it can be used, and what it is allowed.
#pragma once

#include <span>

#include "core/access/model.hpp"
#include "core/credential/network.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// RETURNS why a row of api_keys is refused whatever its secret: deleted, revoked, expired; nullptr where it
/// isn't.
const char *why_key_has_ended(const CatalogScan &scan, HeapTuple tuple);

struct ApiKeyRead {
  bool usable;         // exists, neither revoked nor deleted nor expired
  const char *reason;  // why it isn't usable, for the server's log
  Uuid id;
  Uuid user;
  KeyFacts facts;
  TimestampTz ends_at;          // the key's and its secret's
  TimestampTz not_after;        // that, or the latest moment to rotate it, if that is earlier
  TimestampTz rotation_due_at;  // from when on its holder is warned of that moment
  bool must_rotate;             // not usable, and would be if it had been rotated in time
  bool is_confined;             // to networks, none at all included
  std::span<const Network> networks;
};
/// RETURNS the SHA-256 of a secret, as the catalog has it: a bytea in the current memory context.
Datum secret_hash_datum(const char *secret);
/// RETURNS the key with this secret.
ApiKeyRead read_api_key(const CatalogRead &read, const char *secret);
/// The key with this id, whatever its secrets: what it stands for, for others than who shows one.
ApiKeyRead read_api_key_of_id(const CatalogRead &read, const Uuid &id);

}  // namespace tenancy::pg
