// A challenge: made by the session that is to receive a claim, for one claim. The claim contains it, so that
// no other session, and this one no second time, accepts that claim.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/access/uuid.hpp"

namespace tenancy {

struct Challenge {
  std::uint64_t system = 0;  // of the receiver, like everything here
  std::uint32_t database = 0;
  std::uint32_t process = 0;
  std::int64_t started_at = 0;  // the process
  std::uint32_t login_id = 0;
  Uuid random;
  std::string_view login;
};

void write_challenge(const Challenge &challenge, std::string &out);

/// Nothing for bytes that are no challenge.
std::optional<Challenge> read_challenge(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace tenancy
