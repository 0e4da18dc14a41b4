// Rows that a transaction removes or changes while no legal hold keeps them. One may be set before it
// commits.
#pragma once

#include "pg/functions/kept_rules.hpp"

namespace tenancy::pg {

/// Has the transaction fail as it commits, if a hold of another keeps rows of this place by then.
void note_unheld_change(const Place &place);

void register_unheld_changes();

}  // namespace tenancy::pg
