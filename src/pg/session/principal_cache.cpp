#include "pg/session/principal_cache.hpp"

#include "pg/server/statement_time.hpp"

namespace tenancy::pg {
namespace {

struct Place {
  Principal *principal;  // nullptr: free
  IdentityKey identity;
  uint64 used;
};
constexpr int place_count = 8;  // 2 kB each; to resolve another one takes some ten microseconds
// A principal with thousands of workspaces is cached only while it is the session's.
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
  return place.principal->token.valid() && place.principal->valid_until > statement_time();
}

bool is_of(const Place &place, const IdentityKey &identity) {
  return place.principal != nullptr && place.identity == identity;
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

void cache_principal(const IdentityKey &identity, Principal *principal) {
  Place &place = place_to_take();
  empty(place);
  MemoryContextSetParent(principal->context, TopMemoryContext);
  place = {principal, identity, ++cache.uses};
  cache.last = &place;
}

}  // namespace tenancy::pg
