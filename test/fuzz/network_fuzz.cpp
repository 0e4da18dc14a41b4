// Any text can be given as a network. What is accepted is read as the system reads it, and contains itself.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/credential/network.hpp"

namespace {

using namespace tenancy;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view text) {
  const auto network = network_named(text);
  if (!network) return;
  require(contains(*network, *network));
  if (network->kind == Network::Kind::local) {
    require(text == "local");
    return;
  }
  const std::string address(text.substr(0, text.find('/')));
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) {
    require(network->kind == Network::Kind::ipv4 && network->bits <= 32);
    require(std::equal(bytes.begin(), bytes.begin() + 4, network->bytes.begin()));
    return;
  }
  require(inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1);
  const bool is_mapped =
      std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; }) &&
      bytes[10] == 0xff && bytes[11] == 0xff;
  require(is_mapped == (network->kind == Network::Kind::ipv4));
  require(std::equal(bytes.begin() + (is_mapped ? 12 : 0), bytes.end(), network->bytes.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char *>(data), size};
  if (text.find('\0') == std::string_view::npos) check(text);
  return 0;
}
