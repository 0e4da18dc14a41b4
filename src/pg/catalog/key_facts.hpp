// An API key as the catalog has it: whether it can be used, and what it is allowed.
#pragma once

#include "core/access/model.hpp"
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
  TimestampTz not_after;
};
/// RETURNS the SHA-256 of a secret, as the catalog has it: a bytea in the current memory context.
Datum secret_hash_datum(const char *secret);
/// RETURNS the key with this secret.
ApiKeyRead read_api_key(const CatalogRead &read, const char *secret);
/// The key with this id, whatever its secrets: what it stands for, for others than who shows one.
ApiKeyRead read_api_key_of_id(const CatalogRead &read, const Uuid &id);

}  // namespace tenancy::pg
