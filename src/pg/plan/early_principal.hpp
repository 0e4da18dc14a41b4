// The principal is looked up where it is chosen, as long as there are shared plans that may serve it, too:
// otherwise they would be dropped before anybody knows its rights profile.
#pragma once

namespace tenancy::pg {

void register_early_principal();

}  // namespace tenancy::pg
