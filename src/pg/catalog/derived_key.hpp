// The rights of an API key, as they are stored beside each of its secrets: one index scan instead of three.
//
// Derived from api_keys and api_key_scopes by key_derivation.cpp, in the transaction that changes these. NULL
// means that it has to be read from there: for a key that cannot be used, that is confined to networks, or
// that has too many scopes; after a restore, and for rows of other writers. So is anything that was not
// derived in this database, or is not of the row's key.
#pragma once

#include "pg/catalog/key_facts.hpp"

namespace tenancy::pg {

/// A row of api_keys that can be used, as far as it decides anything.
struct DerivedKey {
  Uuid id;
  KeyKind kind;
  bool all_scopes;
  Uuid organization;
  Uuid workspace;
  Uuid user;
  TimestampTz expires_at;
  TimestampTz rotate_by;
  TimestampTz rotation_due_at;
};

/// RETURNS what is stored for the key with this id, in the current memory context; nullptr for nothing.
bytea *derive_key(const CatalogRead &read, const Uuid &id);

/// RETURNS whether this was derived in this database, by this version.
bool is_derived_here(const bytea *stored);

/// RETURNS whether this was derived from the key with this id, in this database. `scopes`: those of a key
/// without all.
bool read_derived_key(const CatalogRead &read, const bytea *stored, const Uuid &id, DerivedKey &key,
                      PermissionSet &scopes);

}  // namespace tenancy::pg
