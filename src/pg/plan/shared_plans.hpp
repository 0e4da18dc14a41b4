// Plans that outlive a change of the principal (tenancy.share_plans).
//
// Behind a pool each transaction has another principal, and a plan with one principal's ids must be made
// again each time. But most principals differ in their ids only: members of one workspace with the same
// role, or owners of an organization. Such principals have the same rights profile, and one plan serves
// them all if it calls a function for the ids instead of containing them: workspace_id =
// tenancy.filter_id('workspace').
//
// The two locks are the same as for other plans. Shared plans are dropped when the principal changes to one
// that isn't known to have the rights profile that they were made for. Profiles of earlier principals are
// remembered by the stamp of their identity until a catalog changes, and a new one is looked up where it is
// chosen (early_principal.hpp). And shape_guard(), which runs on each
// row that passes, compares the plan's profile with the principal's, and each id of the row that has been
// compared with the principal's once more. Where our hooks run the plan, one comparison a run replaces it
// (run_check.hpp).
//
// An anonymous session also keeps shared plans (filter_id() is NULL, so that no row passes), unless
// anonymous_access = error. So the end of a transaction, which undoes SET LOCAL, drops nothing.
#pragma once

#include "pg/catalog/entity_names.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/rights_profile.hpp"

namespace tenancy::pg {

/// RETURNS the name by which a shared plan refers to the id of an entity.
const char *filter_id_name(Entity entity);
/// RETURNS whether that is a call of filter_id() with one of these names.
bool is_known_filter_id(const Node *node);
/// RETURNS that id; nil if the principal has none.
Uuid filter_id_of(const Principal &principal, Entity entity);

/// To be called when a plan for principals of this one's rights profile is being made: drops plans of
/// another.
void shared_plan_made(const Principal &principal);

/// Raises 55000, after dropping shared plans, so that the next try makes a new one.
[[noreturn]] void raise_principal_changed();

/// The session's principal, to whom alone a query with a shared plan returns rows.
struct PrincipalAtStart {
  uint64 stamp;
  TimestampTz not_after;
};
/// RETURNS it. Raises 40001 if the plan was made for another rights profile (unless nullptr): the rights have
/// changed since the plan was found to serve the session.
PrincipalAtStart principal_at_start(const Uuid *profile_of_plan);

/// For invalidation.cpp: the principal parameters are going to be these.
void keep_or_drop_shared_plans(const PrincipalTexts &next);
void drop_shared_plans();
void register_shared_plans();

// For early_principal.cpp

bool has_shared_plans();
/// Plans of a principal of unknown profile are kept until end_await(). RETURNS false where they can't be.
bool await_profile();
/// `is_done`: whether look_up_profile() follows. Raises nothing.
void end_await(bool is_done);
/// Looks the session's principal up, if it may have kept plans of another profile, and drops these. A
/// credential that is refused is no error here, but of the first query that needs a principal.
void look_up_profile();

}  // namespace tenancy::pg
