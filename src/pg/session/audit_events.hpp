// Refusals of the session, as events of the audit log.
#pragma once

#include "pg/session/audit_queue.hpp"

namespace tenancy::pg {

/// An event of the session now: actor, login, address, and what it claims. No error, no catalog access.
AuditEvent begin_audit_event();

/// A refused credential. `kind` and `reason` contain no secret.
void audit_refused_credential(const char *kind, const char *reason);

/// The permission that is about to be denied, for the entry of the administration function that is refused.
void note_denied_permission(const char *resource, const char *action, const Uuid &workspace);

/// Has administration functions leave an entry where they are refused.
void register_audit_events();

}  // namespace tenancy::pg
