// Rows that a transaction removes or changes while no legal hold keeps them. One may be set before it
// commits.
#pragma once

#include "pg/functions/kept_rules.hpp"

namespace tenancy::pg {

/// Has the transaction fail as it commits, if a hold of another keeps rows of this place by then.
void note_unheld_change(const Place &place);

/// The same of a table whose rows it removes at once, if there is a hold by then that is not among these, on
/// one of the organizations, or, where `of_anybody`, any.
void note_unheld_table(std::span<const Hold> holds, std::span<const Uuid> organizations, bool of_anybody);

void register_unheld_changes();

}  // namespace tenancy::pg
