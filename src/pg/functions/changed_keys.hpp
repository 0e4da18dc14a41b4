// Keys that rows of parents have given up or got, and that rows of children still refer to, or soon will.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// A key of a parent's row, as a child refers to it, and whose the row is, as the child says it. By hashes.
struct ChangedKey {
  struct Key {
    Oid child;
    int parent;
    uint64 value;
  } key;
  uint64 tenant;
};

/// Notes that a row of the table gives up its key in this transaction, and may leave children behind.
void note_given_up(Oid table);
bool has_given_up(Oid table);

/// Notes a key that a row gives up or gets, until the statement has ended.
void note_changed_key(const ChangedKey &key);
bool are_keys_changing();

/// RETURNS whether the key is one of those, of a row of another tenant.
bool is_anothers_key(const ChangedKey &key);

}  // namespace tenancy::pg
