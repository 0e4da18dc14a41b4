// The queue of events that become audit entries (refusals and reads), in shared memory, where the module is
// preloaded. A background worker of the database writes them (functions/audit_worker). Elsewhere, and on a
// standby, they go to the server's log.
//
// The queue is one for the server, so that everybody has a share: what one actor, organization or database
// may have in it is bounded by what is left to others. An event that cannot be written, because its database
// is not connectable or locked, is in nobody else's way.
//
// It also has the channels that are to be notified of entries, for the worker to do so.
//
// Nothing here raises an error or reads a catalog, so that it can be used while an error is handled, and
// after a transaction has been committed.
#pragma once

#include "pg/session/audit_event.hpp"

namespace tenancy::pg {

/// Asks for shared memory, if the module is being preloaded.
void register_audit_queue();

/// RETURNS whether the event would be queued, and not go to the log.
bool can_queue_audit_event(const AuditEvent &event);
/// Queues the event, or writes it to the server's log. A worker is started where the database has none.
void put_audit_event(const AuditEvent &event);
/// The same for a refusal, unless the session's actor and address have had their share in this minute: then
/// it is only counted, which a later event says, with the actor.
void put_refusal(const AuditEvent &event, int most_in_minute);

/// Has the database's worker notify the channel, once for all who ask before it does. A worker is started
/// where the database has none. Does nothing without shared memory, or with too many channels.
void request_audit_notification(const char *channel);

// For the worker

/// RETURNS whether the session is the database's worker from now on: there is no other, and starting it has
/// not failed too often. In that case the events go to the log.
bool begin_audit_worker(Oid database);
/// RETURNS how many of the database's oldest events are copied to `events`, with their numbers; they remain
/// in the queue. One that has been read too often, without being written, goes to the server's log: it must
/// not keep others from being written. What is only counted becomes events from time to time.
int read_audit_events(Oid database, AuditEvent *events, uint64 *numbers, int most);
void remove_audit_events(Oid database, const uint64 *numbers, int count);
/// RETURNS whether a channel is to be notified.
bool has_audit_notifications(Oid database);
struct AuditChannel {
  char name[NAMEDATALEN];
};
constexpr int most_audit_channels = 4;
/// RETURNS how many channels are copied to `channels`, of which there are at most `most_audit_channels`. From
/// now on nobody has asked for them.
int take_audit_notifications(Oid database, AuditChannel *channels);
/// RETURNS whether the worker may go: there is nothing to do. It has to, then.
bool end_audit_worker(Oid database);
/// After an error of the worker's: the postmaster starts it again.
void audit_worker_failed(Oid database);

/// How long the postmaster waits before that.
constexpr int audit_restart_seconds = 1;

}  // namespace tenancy::pg
