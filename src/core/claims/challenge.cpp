#include "core/claims/challenge.hpp"

#include "core/claims/bytes.hpp"

#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::uint8_t challenge_version = 1;

}  // namespace

void write_challenge(const Challenge &challenge, std::string &out) {
  ByteWriter writer(out);
  writer.number(challenge_version);
  writer.number(challenge.system);
  writer.number(challenge.database);
  writer.number(challenge.process);
  writer.number(challenge.started_at);
  writer.number(challenge.login_id);
  writer.id(challenge.random);
  writer.text(challenge.login);
}

std::optional<Challenge> read_challenge(std::span<const std::uint8_t> bytes) noexcept {
  ByteReader in(bytes);
  if (in.number<std::uint8_t>() != challenge_version) return std::nullopt;
  Challenge challenge;
  challenge.system = in.number<std::uint64_t>();
  challenge.database = in.number<std::uint32_t>();
  challenge.process = in.number<std::uint32_t>();
  challenge.started_at = in.number<std::int64_t>();
  challenge.login_id = in.number<std::uint32_t>();
  challenge.random = in.id();
  challenge.login = in.text();
  if (!in.is_at_clean_end() || challenge.login.empty()) return std::nullopt;
  return challenge;
}

}  // namespace tenancy
