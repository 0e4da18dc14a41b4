// The share of refusals that each actor may leave in the audit log, and what went beyond it or found no room,
// for the entry that says so. Actors have places in a table of shared memory, which its user locks; those of
// one organization hold a bounded number of places, so that an organization with many keys or users crowds
// out nobody.
//
// Nothing here raises an error or reads a catalog.
#pragma once

#include "pg/session/audit_event.hpp"

namespace tenancy::pg {

/// Hashes with a secret seed: who knows the ids and keys of others must not know their places.
struct AuditKeys {
  uint64 actor;
  uint64 group;  // actors of one organization; without one, of one login
};
AuditKeys audit_keys(const AuditEvent &event, uint64 seed);

/// An actor, with a count of the minute that begins with its first refusal.
struct AuditActor {
  AuditKeys keys;
  Oid database;
  TimestampTz since;
  TimestampTz reported_at;
  int count;
  int64 suppressed;  // refusals beyond its share
  int64 dropped;     // events that found no room, and are in the server's log
  bool is_several;   // the common place of a group's further actors
  Uuid organization;
  Uuid user;
  Uuid api_key;
  char kind[NAMEDATALEN];
  char login[NAMEDATALEN];
  char address[NAMEDATALEN];
};

class AuditActors {
 public:
  /// RETURNS the event's actor. Its place may be taken from another one, of an organization with more places,
  /// which is copied to `displaced` with its counts. nullptr: all places are taken.
  AuditActor *find(const AuditEvent &event, const AuditKeys &keys, TimestampTz now, AuditActor *displaced);

  /// RETURNS an actor of the database with something to report, now or (`soon`) a little later.
  AuditActor *find_unreported(Oid database, TimestampTz now, bool soon);

 private:
  static constexpr int most = 512;
  static constexpr int most_of_group = 64;

  AuditActor *place_of_greatest_group(TimestampTz now, int more_than);

  AuditActor actors_[most];
};

/// RETURNS whether the actor may leave one more entry in this minute; else it is counted.
bool takes_share(AuditActor &actor, TimestampTz now, int most_in_minute);

/// The event that reports the actor's counts, which begin anew.
AuditEvent report_actor(AuditActor &actor, TimestampTz now);

}  // namespace tenancy::pg
