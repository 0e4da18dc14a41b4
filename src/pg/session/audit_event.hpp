// An event that becomes an audit entry whatever becomes of the session's transaction: a refusal or a read.
#pragma once

#include "core/access/uuid.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// Texts are cut, at the end of a character, where they don't fit.
struct AuditEvent {
  Oid database;
  TimestampTz at;
  Uuid organization;
  Uuid workspace;
  Uuid user;
  Uuid api_key;
  uint64 unverified;  // a hash of what else tells actors apart: a token's subject, a user not resolved
  char actor_kind[NAMEDATALEN];
  char login[NAMEDATALEN];
  char address[NAMEDATALEN];
  char action[NAMEDATALEN];
  char resource_type[NAMEDATALEN];
  char resource_id[4 * NAMEDATALEN + 6];  // two names, each of whose bytes may be a quote that is doubled
  char outcome[8];
  char details[512];  // a JSON object
  char request_id[804];
  char user_agent[804];
};

/// Copies a text, cut at the end of a character where it doesn't fit. nullptr counts as empty.
void copy_audit_text(char *target, size_t size, const char *text);

/// The event as a JSON object. Bytes that are no text in the database's encoding become question marks.
void append_audit_event(StringInfo json, const AuditEvent &event);

}  // namespace tenancy::pg
