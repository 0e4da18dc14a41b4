// What is stale: counters that move when something changes, and tokens of what was kept before.
//
// Whatever is kept (ids, facts, principals, filters) is kept with a token, taken before it was read; once the
// token isn't valid any more, it is read again. docs/design/invalidation.md describes the whole mechanism.
// This is its bottom: it depends on nothing, neither on what moves the counters nor on what is kept.
#pragma once

#include <cstdint>

#include "core/access/uuid.hpp"

namespace tenancy::pg {

/// Moved by the functions below only. Here so that a token can be compared inline, on each row.
struct Generations {
  std::uint64_t definitions = 1;  // of OIDs: DDL may have made the extension anew
  std::uint64_t catalogs = 1;     // of rows that this session depends on, and of OIDs
  std::uint64_t parameters = 1;   // of the settings that decide who the session is and what its plans hold
};
extern Generations generations;

inline std::uint64_t definition_count() noexcept { return generations.definitions; }
inline std::uint64_t catalog_count() noexcept { return generations.catalogs; }
inline std::uint64_t parameter_count() noexcept { return generations.parameters; }
// Both only grow, so that their sum is the same only while both are.
inline std::uint64_t session_count() noexcept { return generations.catalogs + generations.parameters; }

/// When something was read. A token that has never been taken, or consists of zeros, isn't valid.
template <std::uint64_t (*count)() noexcept>
class Token {
 public:
  /// REQUIRES: what is going to be kept with the token hasn't been read yet.
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
using CatalogToken = Token<catalog_count>;        // for what was read from the catalogs
using ParameterToken = Token<parameter_count>;    // for what follows from the settings alone
using SessionToken = Token<session_count>;        // for what follows from both

// Reads of the catalogs

/// What had happened when a read of the catalogs began.
struct ReadStart {
  CatalogToken token;  // of what is read
  std::uint64_t notifications;
  std::uint64_t topic_notifications;
};
/// REQUIRES: the read's snapshot hasn't been taken yet.
ReadStart start_read() noexcept;

/// The read has an older snapshot, which may not show changes whose notifications have been seen already:
/// what is kept of it has to go by the end of the parallel query whose snapshot it is.
void note_old_read() noexcept;
/// REQUIRES: no parallel query is running. Invalidates all tokens after a read by an old snapshot.
void discard_old_reads();

// Subscriptions: to changes that don't concern everybody

/// Whom a change concerns.
enum class Audience : int { organization, user };

/// A number for an audience. Two can have the same: each then gets the other's notifications, too.
using Topic = std::uint32_t;
inline constexpr Topic topic_bits = 31;
Topic topic_of(Audience audience, const Uuid &id) noexcept;

/// Lists of ids. They grow without a change of anyone's rights.
enum class IdList : int { workspaces, user_keys, count };

/// REQUIRES: the read that started so hasn't ended. From now on a notification about the audience invalidates
/// tokens. One that has come since the read began may have been missed: then this invalidates them.
void subscribe(const ReadStart &start, Audience audience, const Uuid &id);
/// REQUIRES: the list hasn't been read yet.
void subscribe(IdList list) noexcept;
/// Likewise for a catalog whose notifications were ignored until the read came to it.
void subscribe_to_catalog(const ReadStart &start);

// What moves the counters

struct PrincipalTexts;  // session/parameters.hpp
enum class Change : int { catalogs, parameters, principal };
/// Called after a counter has moved: drops plans. `next`: with Change::principal, what the settings are going
/// to be. REQUIRES of the observer: no error, no catalog access, safe outside a transaction.
using Observer = void (*)(Change change, const PrincipalTexts *next);
void observe_generations(Observer observer) noexcept;

/// Rows that the session depends on have changed, or may have.
void catalogs_changed();
/// Anything in the catalogs may have changed, the extension's own objects among it.
void definitions_changed();
/// A setting that plans depend on is being assigned.
void parameters_changed();
/// A setting that says who the session is is being assigned.
void principal_changed(const PrincipalTexts &next);

/// Invalidates tokens and nothing else: plans stay, since no filter depends on what has changed, or a
/// notification follows that drops them.
void expire_catalog_tokens() noexcept;
void expire_definition_tokens() noexcept;

// Notifications of the server, for invalidation.cpp

void notification_received() noexcept;
/// RETURNS whether the session has subscribed to it.
bool topic_notification_received(Topic topic) noexcept;
bool is_subscribed(IdList list) noexcept;

}  // namespace tenancy::pg
