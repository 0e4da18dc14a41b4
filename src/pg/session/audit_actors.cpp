#include "pg/session/audit_actors.hpp"

namespace tenancy::pg {
namespace {

constexpr int64 minute = 60 * USECS_PER_SEC;
constexpr int64 between_reports = 4 * USECS_PER_SEC;

uint64 hash(const void *bytes, size_t length, uint64 seed) {
  return DatumGetUInt64(
      hash_any_extended(static_cast<const unsigned char *>(bytes), static_cast<int>(length), seed));
}

bool has_report(const AuditActor &actor) { return actor.suppressed > 0 || actor.dropped > 0; }

bool is_free(const AuditActor &actor, TimestampTz now) {
  return !has_report(actor) && now - actor.since >= minute;
}

void take_place(AuditActor &place, const AuditEvent &event, const AuditKeys &keys, bool is_several,
                TimestampTz now) {
  place = {};
  place.keys = keys;
  if (is_several) place.keys.actor = keys.group;
  place.database = event.database;
  place.since = now;
  place.is_several = is_several;
  place.organization = event.organization;
  // Without an organization, the group is one login.
  if (!is_several || !event.organization) strlcpy(place.login, event.login, sizeof place.login);
  if (is_several) return;
  place.user = event.user;
  place.api_key = event.api_key;
  strlcpy(place.kind, event.actor_kind, sizeof place.kind);
  strlcpy(place.address, event.address, sizeof place.address);
}

}  // namespace

AuditKeys audit_keys(const AuditEvent &event, uint64 seed) {
  const uint64 of_database = seed ^ event.database;
  const uint64 login = hash(event.login, strlen(event.login), of_database);
  uint64 actor = hash(event.address, strlen(event.address), login);
  actor = hash(event.user.bytes.data(), event.user.bytes.size(), actor);
  actor = hash(event.api_key.bytes.data(), event.api_key.bytes.size(), actor);
  actor = hash(&event.unverified, sizeof event.unverified, actor);
  return {actor, event.organization
                     ? hash(event.organization.bytes.data(), event.organization.bytes.size(), of_database)
                     : login};
}

// Groups in one bucket count as one.
AuditActor *AuditActors::place_of_greatest_group(TimestampTz now, int more_than) {
  uint16 counts[most] = {};
  for (const AuditActor &actor : actors_)
    if (!is_free(actor, now)) counts[actor.keys.group % most]++;
  AuditActor *place = nullptr;
  for (AuditActor &actor : actors_) {
    const uint16 count = counts[actor.keys.group % most];
    if (count <= more_than) continue;
    const uint16 greatest = place == nullptr ? 0 : counts[place->keys.group % most];
    if (count > greatest || (count == greatest && actor.since < place->since)) place = &actor;
  }
  return place;
}

AuditActor *AuditActors::find(const AuditEvent &event, const AuditKeys &keys, TimestampTz now,
                              AuditActor *displaced) {
  AuditActor *unused = nullptr, *common = nullptr;
  int held = 0;
  for (AuditActor &actor : actors_) {
    const bool is_of_group = actor.database == event.database && actor.keys.group == keys.group;
    if (is_of_group && actor.keys.actor == keys.actor && !actor.is_several) return &actor;
    if (is_of_group && actor.is_several) common = &actor;
    if (is_free(actor, now)) {
      if (unused == nullptr) unused = &actor;
    } else if (is_of_group) {
      held++;
    }
  }
  const bool is_several = held >= most_of_group;
  if (is_several && common != nullptr) return common;
  AuditActor *place = unused != nullptr ? unused : place_of_greatest_group(now, held + 1);
  if (place == nullptr) return common;
  *displaced = *place;
  take_place(*place, event, keys, is_several, now);
  return place;
}

AuditActor *AuditActors::find_unreported(Oid database, TimestampTz now, bool soon) {
  for (AuditActor &actor : actors_)
    if (actor.database == database && has_report(actor) &&
        (soon || now - actor.reported_at >= between_reports))
      return &actor;
  return nullptr;
}

bool takes_share(AuditActor &actor, TimestampTz now, int most_in_minute) {
  if (now - actor.since >= minute) {
    actor.since = now;
    actor.count = 0;
  }
  if (actor.count >= most_in_minute) {
    actor.suppressed++;
    return false;
  }
  actor.count++;
  return true;
}

AuditEvent report_actor(AuditActor &actor, TimestampTz now) {
  AuditEvent event{};
  event.database = actor.database;
  event.at = now;
  event.organization = actor.organization;
  event.user = actor.user;
  event.api_key = actor.api_key;
  strlcpy(event.actor_kind, *actor.kind != '\0' ? actor.kind : "login", sizeof event.actor_kind);
  strlcpy(event.login, *actor.login != '\0' ? actor.login : "pg_tenancy", sizeof event.login);
  strlcpy(event.address, actor.address, sizeof event.address);
  strlcpy(event.action, "suppress", sizeof event.action);
  strlcpy(event.resource_type, "audit_log", sizeof event.resource_type);
  strlcpy(event.outcome, "success", sizeof event.outcome);
  snprintf(event.details, sizeof event.details,
           "{\"refusals\": " INT64_FORMAT ", \"only_in_server_log\": " INT64_FORMAT ", \"actors\": \"%s\"}",
           actor.suppressed, actor.dropped, actor.is_several ? "several" : "one");
  actor.suppressed = actor.dropped = 0;
  actor.reported_at = now;
  return event;
}

}  // namespace tenancy::pg
