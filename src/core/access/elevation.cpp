#include "core/access/elevation.hpp"

#include <algorithm>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

bool contains(std::span<const Uuid> ids, const Uuid &id) noexcept {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

ElevationAnswer answer_of(const ElevationRule &rule, std::int64_t end) noexcept {
  if (end > rule.latest_end) return ElevationAnswer::too_long;
  if (rule.left_today <= 0) return ElevationAnswer::too_often;
  return rule.needs_approval ? ElevationAnswer::needs_approval : ElevationAnswer::allowed;
}

}  // namespace

bool is_about(const ElevationRule &rule, const ElevationSubject &subject) noexcept {
  if (rule.user) return rule.user == subject.user;
  if (rule.subject_role) return contains(subject.roles, rule.subject_role);
  return rule.group && contains(subject.groups, rule.group);
}

ElevationDecision decide_elevation(std::span<const ElevationRule> rules, const ElevationSubject &subject,
                                   const Uuid &role, std::int64_t end) noexcept {
  ElevationDecision decision;
  for (const ElevationRule &rule : rules) {
    if (rule.role != role || !is_about(rule, subject)) continue;
    const ElevationAnswer answer = answer_of(rule, end);
    if (answer <= decision.answer) continue;
    decision = {answer, rule.id};
  }
  return decision;
}

bool may_approve(const Uuid &approver, const Uuid &elevated, const Uuid &maker_of_rule) noexcept {
  return approver && approver != elevated && approver != maker_of_rule;
}

}  // namespace tenancy
