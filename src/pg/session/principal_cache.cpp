#include "pg/session/principal_cache.hpp"

#include "pg/plan/invalidation.hpp"
#include "pg/server/sha256.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/simulation.hpp"

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
  // A simulated query's principal is believed where the session's would not be; a suspended one counts for
  // nothing.
  const uint8 state = (is_simulation() ? 1 : 0) | (is_suspended() ? 2 : 0);
  constexpr size_t text_count = lengthof(PrincipalTexts::text);
  Sha256Part parts[text_count + 2] = {{&session_user, sizeof session_user}, {&state, sizeof state}};
  const PrincipalTexts texts = principal_texts();
  for (size_t i = 0; i < text_count; i++)  // each with its terminator, so that none runs into the next
    parts[i + 2] = {texts.text[i], strlen(texts.text[i]) + 1};
  sha256(parts, key.digest);
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
