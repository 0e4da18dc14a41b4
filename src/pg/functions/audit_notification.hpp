// Notifications of audit entries, of which tenancy.audit_channel is the channel.
//
// Every login can fill the server's queue of notifications, and make a COMMIT with notifications last, for
// which others with notifications wait. So no notification is part of a transaction that writes entries: the
// session asks for it once that is committed, and the database's worker sends it in a transaction of its own,
// unless the queue is nearly full.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

void register_audit_notifications();

/// For the worker: sends what sessions have asked for, or leaves it for later while somebody else is
/// committing notifications. RETURNS whether there was something to be sent, and that is done with.
bool send_audit_notifications(Oid database);

}  // namespace tenancy::pg
