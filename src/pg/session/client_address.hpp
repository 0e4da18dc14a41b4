// Where the session's client is.
#pragma once

#include <span>

#include "core/credential/network.hpp"

namespace tenancy::pg {

/// Whether the client's address is in one of the networks. In a parallel worker the client is that of its
/// leader. An address that isn't known is in none.
bool is_client_in(std::span<const Network> networks);

}  // namespace tenancy::pg
