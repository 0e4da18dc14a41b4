#include "pg/catalog/generation.hpp"

#include <cstring>

// Last.
#include "core/no_server.hpp"

namespace tenancy::pg {

constinit Generations generations;

namespace {

constexpr std::uint32_t topic_places = 32768;
constexpr int list_count = static_cast<int>(IdList::count);

struct {
  Observer observer;
  // Nothing is cached, so the old subscriptions are not needed. The next subscription clears them, not a
  // callback that may run for each of many notifications.
  bool subscriptions_expired;
  bool lists[list_count];
  std::uint64_t notifications;
  std::uint64_t topic_notifications;
  std::uint64_t topics[topic_places / 64];
} state{};

std::uint64_t &word_of(Topic topic) { return state.topics[topic % topic_places / 64]; }
std::uint64_t bit_of(Topic topic) { return std::uint64_t{1} << (topic % 64); }

void notify(Change change, const PrincipalTexts *next) {
  if (state.observer != nullptr) state.observer(change, next);
}

// The finalizer of MurmurHash3: each bit of the value changes half of the bits.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdU;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53U;
  return value ^ value >> 33;
}

}  // namespace

ReadStart start_read() noexcept {
  return {CatalogToken::now(), state.notifications, state.topic_notifications};
}

Topic topic_of(Audience audience, const Uuid &id) noexcept {
  std::uint64_t halves[2];
  static_assert(sizeof halves == sizeof id.bytes);
  std::memcpy(halves, id.bytes.data(), sizeof halves);
  const std::uint64_t hash = mixed(mixed(halves[0] + static_cast<std::uint64_t>(audience)) + halves[1]);
  return static_cast<Topic>(hash >> (64 - topic_bits));
}

void subscribe(const ReadStart &start, Audience audience, const Uuid &id) {
  if (state.subscriptions_expired) {
    std::memset(state.topics, 0, sizeof state.topics);
    state.subscriptions_expired = false;
  }
  const Topic topic = topic_of(audience, id);
  word_of(topic) |= bit_of(topic);
  if (start.topic_notifications != state.topic_notifications) catalogs_changed();
}

void subscribe(IdList list) noexcept { state.lists[static_cast<int>(list)] = true; }

void subscribe_to_catalog(const ReadStart &start) {
  if (start.notifications != state.notifications) catalogs_changed();
}

void observe_generations(Observer observer) noexcept { state.observer = observer; }

void catalogs_changed() {
  generations.catalogs++;
  state.subscriptions_expired = true;
  for (bool &list : state.lists) list = false;
  notify(Change::catalogs, nullptr);
}

void definitions_changed() {
  generations.definitions++;
  catalogs_changed();
}

void parameters_changed() {
  generations.parameters++;
  notify(Change::parameters, nullptr);
}

void principal_changed(const PrincipalTexts &next) {
  generations.parameters++;
  notify(Change::principal, &next);
}

void expire_catalog_tokens() noexcept { generations.catalogs++; }
void expire_definition_tokens() noexcept { generations.definitions++; }
void expire_parameter_tokens() noexcept { generations.parameters++; }

void notification_received() noexcept { state.notifications++; }

bool topic_notification_received(Topic topic) noexcept {
  state.topic_notifications++;
  return (word_of(topic) & bit_of(topic)) != 0;
}

bool is_subscribed(IdList list) noexcept { return state.lists[static_cast<int>(list)]; }

}  // namespace tenancy::pg
