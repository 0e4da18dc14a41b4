// Plans that outlive a change of the principal (tenancy.share_plans).
//
// Behind a pool every transaction is somebody else's, and a plan that holds one principal's ids is made anew
// each time. But most principals differ in their ids alone: members of one workspace with the same role, or
// owners of an organization. The rights of such principals have the same shape, and one plan serves them all
// when it asks for the ids where it would have held them: workspace_id = tenancy.filter_id('workspace').
//
// The two locks are there as for other plans. Shared plans are dropped when the principal changes to one that
// isn't known to have the shape they were made for; shapes of principals met are remembered by the stamp of
// their identity until a catalog changes. And shape_guard(), which runs on each row that passes, compares the
// shape of the session's principal with the plan's, and the row's id with the principal's.
//
// Nobody keeps shared plans, too, unless nobody is an error: filter_id() is NULL then, and no row passes. So
// the end of a transaction, which takes SET LOCAL back, drops nothing.
#pragma once

#include "pg/catalog/entity_names.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {

/// Whether plans can be shared with principals of the same shape: one whose rights are confined to one
/// workspace, or are the same in every workspace of its organization.
bool has_shape(const Principal &principal);

/// The ids that a shared plan asks for, by what they are ids of.
const char *filter_id_name(Entity entity);
/// Nil where the principal has none.
Uuid filter_id_of(const Principal &principal, Entity entity);

/// Of the rights and of which ids there are, not of the ids' values: equal for two principals exactly when
/// the same plans serve both, and the same in a parallel worker.
Uuid shape_of(const Principal &principal);

/// A plan for principals of this one's shape is being made.
void shared_plan_made(const Principal &principal);

/// For invalidation.cpp.
void shared_plans_at_change(const PrincipalTexts &texts);
void drop_shared_plans();
void register_shared_plans();

}  // namespace tenancy::pg
