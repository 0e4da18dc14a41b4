// Refusals of the session, as events of the audit log.
#pragma once

#include "pg/session/audit_queue.hpp"

namespace tenancy::pg {

/// An event of the session now: actor, login, address, and what it claims. No error, no catalog access.
AuditEvent begin_audit_event();

/// Resolves the session's principal, where that is possible, for the events that follow: otherwise they are
/// its login's. An invalid credential raises no error, and is none that the session has used.
void resolve_for_audit();
bool is_resolving_for_audit();

/// Raises 53000 where the event of a read cannot be queued and tenancy.audit_fallback is refuse.
void check_audit_fallback(const AuditEvent &event);

/// A refused credential. `kind` and `reason` contain no secret.
void audit_refused_credential(const char *kind, const char *reason);

/// The permission that is about to be denied, for the entry of the administration function that is refused.
void note_denied_permission(const char *resource, const char *action, const Uuid &workspace);

/// Has administration functions leave an entry where they are refused.
void register_audit_events();

}  // namespace tenancy::pg
