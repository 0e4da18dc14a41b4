// A claim is read before anything of it can be trusted but its signature: what is read is written again as
// the same bytes, and nothing else is accepted. The first byte chooses between any bytes and a claim of a
// world.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../unit/world.hpp"
#include "core/claims/challenge.hpp"
#include "core/claims/claim.hpp"
#include "core/credential/base64url.hpp"

namespace {

using namespace tenancy;

void require(bool holds) {
  if (!holds) std::abort();
}

std::span<const std::uint8_t> bytes_of(const std::string &text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

// RETURNS whether it is a claim.
bool check_claim(std::span<const std::uint8_t> bytes) {
  std::span<const std::uint8_t> rest;
  const auto terms = read_claim_terms(bytes, rest);
  if (!terms) return false;
  std::vector<ClaimedPermission> registered;
  if (!read_claimed_permissions(rest, registered)) return false;
  require(registered.size() <= max_permissions);
  for (std::size_t i = 0; i < registered.size(); ++i) registered[i].id = static_cast<PermissionId>(i);
  ClaimedPrincipal principal;
  if (!read_claimed_principal(rest, registered, principal)) return false;
  for (const auto &entry : principal.access.entries()) {
    require(entry.rights < principal.access.shared_rights().size());
    require(&principal.access.in_workspace(entry.workspace) == &principal.access.rights_of(entry));
  }
  std::string again;
  write_claim(*terms, registered, principal, again);
  require(std::equal(bytes.begin(), bytes.end(), again.begin(), again.end(),
                     [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
  std::string text;
  encode_base64url(bytes, text);
  std::vector<std::uint8_t> decoded(base64url_decoded_size(text.size()));
  require(decode_base64url(text, decoded) == bytes.size());
  require(std::equal(bytes.begin(), bytes.end(), decoded.begin()));
  return true;
}

void check_challenge(std::span<const std::uint8_t> bytes) {
  const auto challenge = read_challenge(bytes);
  if (!challenge) return;
  std::string again;
  write_challenge(*challenge, again);
  require(std::equal(bytes.begin(), bytes.end(), again.begin(), again.end(),
                     [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
}

void check_world(const std::uint8_t *data, std::size_t size) {
  std::size_t taken = 0;
  const auto next = [&] { return taken < size ? data[taken++] : 0U; };
  ClaimedPrincipal principal;
  const test::World world = test::made_up_world({next});
  principal.access = world.access();
  std::vector<ClaimedPermission> registered;
  for (const auto &permission : test::permissions)
    registered.push_back({permission.resource, permission.action, permission.id});
  std::string claim;
  write_claim({1, 2, 3, "challenge", "login", 4}, registered, principal, claim);
  require(check_claim(bytes_of(claim)));
  // Somewhere another byte: it may be another claim, but nothing worse.
  const std::size_t at = (next() << 8 | next()) % claim.size();
  claim[at] = static_cast<char>(next());
  check_claim(bytes_of(claim));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    check_claim({data + 1, size - 1});
    check_challenge({data + 1, size - 1});
  } else {
    check_world(data + 1, size - 1);
  }
  return 0;
}
