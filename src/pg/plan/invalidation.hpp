// When what was worked out no longer holds.
//
// Two things are kept: the session's principal (principal.cpp) and, in cached plans, filters made from it.
// Both are dropped when a principal setting is assigned and when a catalog that decides rights changes. A
// plan is found by the call of plan_guard() that it holds or is recorded to depend on: the plan cache drops
// plans by the function's pg_proc entry, so that calling its callback for that entry drops just ours.
//
// A catalog's change is told by its trigger as a relcache invalidation of the catalog: at commit to every
// backend, on rollback to none, on a standby by replay. All callbacks do is count and forget.
//
// Most changes concern one organization. They are told as such, and only who keeps something that was worked
// out from that organization's rows listens: the others go on with what they have. Who is a member of what
// concerns the user, too. (A module of version 1.0 would not understand: the triggers of that version tell
// everybody, and this module does as the trigger says.)
//
// A new workspace or key gives nobody a right, but a principal that reaches "every workspace" or "the user's
// keys" may have spelled these out. Such a list is told about by the index that it is read from, and only who
// has read one listens.
#pragma once

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {

void register_invalidation();

/// Counts changes of catalogs; what was read at another count is stale.
uint64 catalog_generation();
/// Counts these and changes of the principal settings.
uint64 principal_generation();

/// A principal setting is being assigned: these texts will be the settings'. Safe anywhere: at start-up,
/// outside a transaction, during abort.
void principal_changed(const PrincipalTexts &texts);
/// A setting that all filters depend on is being assigned. As safe.
void everything_changed();

/// The catalogs are read as they were when a parallel query began, and their changes since may have been told
/// already: what is worked out from that is forgotten once the query has ended.
void read_by_old_snapshot();
/// To be called before anything kept is used.
void forget_what_is_old();

enum class Scope : int { organization, user };
/// To be called before the look at the catalogs ends, by who keeps what it has seen there of an organization,
/// or of a user's memberships: catalog_generation() will tell when that has changed. What has come in since
/// the look began may have been about it, when nobody was listening: then nothing is kept of this look.
void listen_to(const CatalogRead &read, Scope scope, const Uuid &id);
/// To be called when a look comes to a catalog whose messages were of no interest before; likewise.
void catalog_met(const CatalogRead &read);
MessagesHeard messages_heard();

enum class IdList : int { workspaces, user_keys, count };
/// To be called before a list is read.
void list_used(IdList list);

/// Drops the plans that depend on the guard.
void drop_plans_with(Guard guard);
/// Drops every plan that holds a filter.
void drop_specialized_plans();

}  // namespace tenancy::pg
