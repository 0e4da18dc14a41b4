// Elevation: a role that a member takes for a bounded time, as far as an owner has allowed it.
#pragma once

#include <cstdint>
#include <span>

#include "core/access/uuid.hpp"

namespace tenancy {

/// A role that some members may take: one user, those with a role, or those of a group. The others are nil.
struct ElevationRule {
  Uuid id;
  Uuid role;
  Uuid user;
  Uuid subject_role;
  Uuid group;
  std::int64_t latest_end = 0;  // of an elevation that begins now, in the server's time
  std::int32_t left_today = 0;  // how many more the member may have within a day
  bool needs_approval = false;
};

/// A member without any elevation: its roles on the organization and in the workspace of the elevation, its
/// own and its groups', and its groups.
struct ElevationSubject {
  Uuid user;
  std::span<const Uuid> roles;
  std::span<const Uuid> groups;
};

/// In the order in which one rule's answer precedes another's.
enum class ElevationAnswer : std::uint8_t { not_listed, too_long, too_often, needs_approval, allowed };

/// Whether a rule is about the member. An elevation counts only as long as its rule is.
bool is_about(const ElevationRule &rule, const ElevationSubject &subject) noexcept;

struct ElevationDecision {
  ElevationAnswer answer = ElevationAnswer::not_listed;
  Uuid rule;  // that decided
};
/// RETURNS whether the member may take the role until `end`: the rule that allows most decides.
ElevationDecision decide_elevation(std::span<const ElevationRule> rules, const ElevationSubject &subject,
                                   const Uuid &role, std::int64_t end) noexcept;

/// Whether somebody may approve an elevation that needs it: neither the member nor whoever made the rule.
bool may_approve(const Uuid &approver, const Uuid &elevated, const Uuid &maker_of_rule) noexcept;

}  // namespace tenancy
