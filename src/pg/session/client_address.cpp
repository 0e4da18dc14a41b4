#include "pg/session/client_address.hpp"

#include <algorithm>
#include <optional>

#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

// The process that the client is connected to; nullptr if it isn't known. A worker has no connection of its
// own, and anybody can have a function run in one, with any credential: it is judged as its leader.
const PgBackendStatus *client_process() {
  if (!IsParallelWorker()) return MyBEEntry;
  const PGPROC *leader = MyProc->lockGroupLeader;
  if (leader == nullptr) return nullptr;
  for (int number = pgstat_fetch_stat_numbackends(); number > 0; number--)
    if (const PgBackendStatus *process = seen_process(number);
        process != nullptr && process->st_procpid == leader->pid)
      return process;
  return nullptr;
}

std::optional<Network> client_network() {
  const PgBackendStatus *process = client_process();
  if (process == nullptr) return std::nullopt;
  const auto &address = process->st_clientaddr.addr;
  switch (address.ss_family) {
    // A background worker of the server has no client.
    case AF_UNSPEC:
    case AF_UNIX:
      return no_address;
    case AF_INET: {
      std::array<std::uint8_t, 4> bytes{};
      memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in *>(&address)->sin_addr, bytes.size());
      return ipv4_address(bytes);
    }
    case AF_INET6: {
      std::array<std::uint8_t, 16> bytes{};
      memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6 *>(&address)->sin6_addr, bytes.size());
      return ipv6_address(bytes);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_client_in(std::span<const Network> networks) {
  const std::optional<Network> client = client_network();
  return client && std::any_of(networks.begin(), networks.end(),
                               [&](const Network &network) { return contains(network, *client); });
}

}  // namespace tenancy::pg
