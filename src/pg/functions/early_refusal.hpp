#pragma once

namespace tenancy::pg {

/// Refuses commands on others' tables before the server locks these.
void register_early_refusal();

}  // namespace tenancy::pg
