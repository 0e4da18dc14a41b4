// HMAC-SHA-256 by the server's own implementation, and comparison in constant time.
#pragma once

#include <span>

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct HmacPart {
  const void *bytes;
  size_t length;
};

/// `digest` has PG_SHA256_DIGEST_LENGTH bytes.
void hmac_sha256(std::span<const uint8> key, std::span<const HmacPart> parts, uint8 *digest);

/// The time depends on the size alone.
bool are_equal_secrets(const uint8 *one, const uint8 *other, size_t size);

}  // namespace tenancy::pg
