// Audit entries that must stay whatever becomes of the session's transaction: refusals and reads. Sessions
// put them into a bounded queue in shared memory, where the module is preloaded, and a background worker of
// the database writes them (functions/audit_worker). Elsewhere, and on a standby, they go to the server's
// log.
//
// Nothing here raises an error or reads a catalog, so that it can be used while an error is handled.
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

/// Asks for shared memory, if the module is being preloaded.
void register_audit_queue();

/// RETURNS whether an event would be queued, and not go to the log.
bool can_queue_audit_event();
/// Queues the event, or writes it to the server's log. `start_worker` is called where the database has none.
void put_audit_event(const AuditEvent &event);
/// The same for a refusal, unless the session's actor and address have had their share in this minute: then
/// it is only counted, which a later event says. One whose actor finds no place to be counted in goes to the
/// log.
void put_refusal(const AuditEvent &event, int most_in_minute);

/// The event as a JSON object.
void append_audit_event(StringInfo json, const AuditEvent &event);

// For the worker

/// RETURNS how many of the database's oldest events are copied to `events`; they remain in the queue. One
/// that has been read too often, without being written, goes to the server's log: it must not keep others
/// from being written.
int read_audit_events(Oid database, AuditEvent *events, int most);
/// Takes as many of the oldest from the queue.
void remove_audit_events(Oid database, int count);
/// The numbers of events suppressed and dropped since the last call, as an event. RETURNS false for none.
bool take_suppressed(Oid database, AuditEvent *event);
/// RETURNS whether the worker of the database may go: there are no events. It has to, then.
bool end_audit_worker(Oid database, bool even_with_events);

}  // namespace tenancy::pg
