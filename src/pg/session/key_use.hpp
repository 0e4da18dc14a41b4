// When each API key was last used, to the minute. Sessions note it in shared memory, where the module is
// preloaded, and a background worker stores it (functions/key_use_worker): nothing is written by a session's
// own transaction, which may be read-only, or roll back. Notes may be lost: when the server stops, and where
// more keys are in use than fit.
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Asks for shared memory, if the module is being preloaded.
void register_key_use();

/// Notes that the key is used now. No error, no catalog access; nothing on a standby.
void note_key_use(const Uuid &key);

/// RETURNS what has been noted of the key; the beginning of time for nothing.
TimestampTz noted_key_use(const Uuid &key);

struct KeyUse {
  Oid database;
  Uuid key;
  TimestampTz used_at;
};
/// For the worker: RETURNS how many uses that are not stored yet are copied to `uses`.
int unstored_key_uses(Oid database, KeyUse *uses, int most);
void key_uses_are_stored(const KeyUse *uses, int count);

}  // namespace tenancy::pg
