// Claims over Citus: a query of protected tables that goes to another node is preceded by a claim of the
// session's principal, on the same connection, once in a transaction.
//
// Citus keeps its connections to itself. But in a transaction it sends all that one user asks of a node over
// one connection, unless it asks several shards at once. So a claim goes the way of the query: queries of an
// empty table, the door, ask for the challenge and give the claim, as a parameter. The door's shards are
// where those of the protected tables are. The door's queries name the organization, hence reach the node
// that has its rows; and no query of the principal needs another one, nor a second shard.
//
// A query that is sent elsewhere or otherwise nevertheless comes without a claim, and is refused there
// (tenancy.require_claims, which the answer at the door confirms).
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the door, or InvalidOid where nothing has been distributed by tenancy.distribute().
Oid find_door();
/// RETURNS whether Citus has an organization's rows of the table on the node that has the door's shard for
/// it.
bool is_beside_door(Oid table, Oid door);

/// RETURNS whether Citus has the table's rows in shards.
bool is_on_other_nodes(Oid table);

/// Has the plan, which Citus distributes, brought a claim when it is executed, and dropped when the principal
/// changes. Citus makes plans of its own, without the guard that depends on that.
void require_claim(PlannedStmt *statement);

/// REQUIRES: called after Citus has registered its hooks.
void register_claim_transport();

}  // namespace tenancy::pg
