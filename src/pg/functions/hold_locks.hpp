// Removals of rows and legal holds wait for each other as they are committed: whoever sets a hold and sees a
// row then, keeps it. A commit can be made to last, by temporary tables, notifications or
// PREPARE TRANSACTION: one tenant's must not keep others waiting.
#pragma once

#include <span>

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// Keeps holds on these organizations from being committed until the end of the transaction, which removes
/// rows of theirs. Waits a second for those that are being committed, with locks, perhaps, on tables that
/// everybody reads; 55P03 after that.
void lock_removal(std::span<const Uuid> organizations);

/// The same of a removal of which it isn't known whose rows it takes: of any hold.
void lock_removal_of_anybody();

/// Lets a transaction that sets holds on these organizations wait for removals of their rows, for
/// lock_timeout, and 30 seconds at most (55P03), and keeps later ones away until its end.
void lock_holds(std::span<const Uuid> organizations);

/// Like lock_removal() of one organization, but in the middle of a job, which can pass its rows over:
/// RETURNS false at once while a hold on it is being committed.
bool keep_holds_away(const Uuid &organization);
bool keep_all_holds_away();

/// At the end of a transaction.
void forget_hold_locks();

}  // namespace tenancy::pg
