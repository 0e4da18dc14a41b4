#include "pg/principal_cache.hpp"

#include "pg/invalidation.hpp"
#include "pg/settings.hpp"
#include "pg/simulation.hpp"
#include "pg/statement_time.hpp"

namespace tenancy::pg {
namespace {

struct Place {
  Principal *principal;  // nullptr: free
  IdentityKey identity;
  uint64 used;
};
constexpr int place_count = 32;
// A principal with thousands of workspaces is kept only as long as the session is it.
constexpr Size kept_size = 4096;

struct {
  Place places[place_count];
  uint64 uses;
  Place *last;
} cache{};

void empty(Place &place) {
  if (place.principal == nullptr) return;
  const MemoryContext context = place.principal->context;
  place.principal = nullptr;
  MemoryContextDelete(context);
}

Size size_of(const Principal &principal) {
  return MemoryContextMemAllocated(principal.context, true) + principal.access->entries().size_bytes();
}

bool holds(const Place &place) {
  return place.principal->generation == catalog_generation() && place.principal->not_after > statement_time();
}

bool is_of(const Place &place, const IdentityKey &identity) {
  return place.principal != nullptr && place.identity.stamp == identity.stamp &&
         memcmp(place.identity.digest, identity.digest, sizeof identity.digest) == 0;
}

Place &place_to_take() {
  Place *oldest = &cache.places[0];
  for (Place &place : cache.places) {
    if (place.principal == nullptr) return place;
    if (place.used < oldest->used) oldest = &place;
  }
  return *oldest;
}

}  // namespace

IdentityKey identity_key() {
  IdentityKey key{};
  key.stamp = identity_stamp();
  const Oid session_user = GetSessionUserId();
  pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
  bool done =
      context != nullptr && pg_cryptohash_init(context) >= 0 &&
      pg_cryptohash_update(context, reinterpret_cast<const uint8 *>(&session_user), sizeof session_user) >= 0;
  for (const char *text :
       principal_texts().text)  // each with its terminator, so that none runs into the next
    done =
        done && pg_cryptohash_update(context, reinterpret_cast<const uint8 *>(text), strlen(text) + 1) >= 0;
  // A simulated query's principal is believed where the session's would not be; a suspended one counts for
  // nothing.
  const uint8 state = (is_simulation() ? 1 : 0) | (is_suspended() ? 2 : 0);
  done = done && pg_cryptohash_update(context, &state, sizeof state) >= 0;
  done = done && pg_cryptohash_final(context, key.digest, sizeof key.digest) >= 0;
  pg_cryptohash_free(context);
  if (!done) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256")));
  return key;
}

Principal *cached_principal(const IdentityKey &identity) {
  if (cache.last != nullptr && cache.last->principal != nullptr && !is_of(*cache.last, identity) &&
      size_of(*cache.last->principal) > kept_size)
    empty(*cache.last);
  for (Place &place : cache.places) {
    if (!is_of(place, identity)) continue;
    if (!holds(place)) {
      empty(place);
      return nullptr;
    }
    place.used = ++cache.uses;
    cache.last = &place;
    return place.principal;
  }
  return nullptr;
}

void forget_cached_principals() {
  cache.last = nullptr;
  for (Place &place : cache.places) empty(place);
}

void cache_principal(const IdentityKey &identity, Principal *principal) {
  Place &place = place_to_take();
  empty(place);
  MemoryContextSetParent(principal->context, TopMemoryContext);
  place = {principal, identity, ++cache.uses};
  cache.last = &place;
}

}  // namespace tenancy::pg
