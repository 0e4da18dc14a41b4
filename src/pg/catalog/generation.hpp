// Staleness: counters that increase with changes, and tokens of cached results.
//
// Everything cached (ids, facts, principals, filters) has a token, taken before the read; once the token
// isn't valid any more, it is read again. docs/design/invalidation.md describes the whole mechanism. This
// is its basis: it depends on nothing, neither on the code that increases the counters nor on the caches.
#pragma once

#include <cstdint>

#include "core/access/uuid.hpp"

namespace tenancy::pg {

/// Changed by the functions below only. In the header so that a token can be compared inline, on each row.
struct Generations {
  std::uint64_t definitions = 1;  // of OIDs: DDL may have recreated the extension
  std::uint64_t catalogs = 1;     // of rows that this session depends on, and of OIDs
  std::uint64_t parameters = 1;   // of the parameters that choose the principal or change its plans
};
extern Generations generations;

inline std::uint64_t definition_count() noexcept { return generations.definitions; }
inline std::uint64_t catalog_count() noexcept { return generations.catalogs; }
inline std::uint64_t parameter_count() noexcept { return generations.parameters; }
// Both only increase, so their sum is unchanged only if both are.
inline std::uint64_t session_count() noexcept { return generations.catalogs + generations.parameters; }

/// The time of a read. A token that has never been taken, or consists of zeros, isn't valid.
template <std::uint64_t (*count)() noexcept>
class Token {
 public:
  /// REQUIRES: the result to be cached with the token hasn't been read yet.
  static Token now() noexcept {
    Token token;
    token.count_ = count();
    return token;
  }
  bool valid() const noexcept { return count_ == count(); }
  bool operator==(const Token &) const noexcept = default;

 private:
  std::uint64_t count_ = 0;
};

using DefinitionToken = Token<definition_count>;  // for OIDs
using CatalogToken = Token<catalog_count>;        // for results from the catalogs
using ParameterToken = Token<parameter_count>;    // for results from the parameters alone
using SessionToken = Token<session_count>;        // for results from both

// Reads of the catalogs

/// The state when a read of the catalogs began.
struct ReadStart {
  CatalogToken token;  // for the results of the read
  std::uint64_t notifications;
  std::uint64_t topic_notifications;
};
/// REQUIRES: the read's snapshot hasn't been taken yet.
ReadStart start_read() noexcept;

// Subscriptions: to changes that don't concern everybody

/// The change scope: the organization or user that a change concerns.
enum class Audience : int { organization, user };

/// A number for an audience. Two audiences can have the same; each then also gets the other's
/// notifications.
using Topic = std::uint32_t;
inline constexpr Topic topic_bits = 31;
Topic topic_of(Audience audience, const Uuid &id) noexcept;

/// Lists of ids. They grow without changing anyone's rights.
enum class IdList : int { workspaces, user_keys, count };

/// REQUIRES: the read with this start hasn't ended. From now on a notification for the audience invalidates
/// tokens. One that arrived since the read began may have been missed: then this call invalidates them.
void subscribe(const ReadStart &start, Audience audience, const Uuid &id);
/// REQUIRES: the list hasn't been read yet.
void subscribe(IdList list) noexcept;
/// Likewise for a catalog whose notifications were ignored before this read.
void subscribe_to_catalog(const ReadStart &start);

// Changes of the counters

struct PrincipalTexts;  // session/parameters.hpp
enum class Change : int { catalogs, parameters, principal };
/// Called after a counter has increased: drops plans. `next`: with Change::principal, the parameters'
/// future values. REQUIRES of the observer: no error, no catalog access, safe outside a transaction.
using Observer = void (*)(Change change, const PrincipalTexts *next);
void observe_generations(Observer observer) noexcept;

/// Rows that the session depends on have changed, or may have.
void catalogs_changed();
/// Anything in the catalogs may have changed, including the extension's own objects.
void definitions_changed();
/// A parameter that plans depend on is being assigned.
void parameters_changed();
/// A parameter that chooses the principal is being assigned.
void principal_changed(const PrincipalTexts &next);

/// Invalidates tokens only: plans stay, since no filter depends on the change, or a notification follows
/// that drops them.
void expire_catalog_tokens() noexcept;
void expire_definition_tokens() noexcept;
void expire_parameter_tokens() noexcept;

// Notifications of the server, for invalidation.cpp

void notification_received() noexcept;
/// RETURNS whether the session has subscribed to it.
bool topic_notification_received(Topic topic) noexcept;
bool is_subscribed(IdList list) noexcept;

}  // namespace tenancy::pg
