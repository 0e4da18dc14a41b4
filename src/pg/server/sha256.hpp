// SHA-256 of values of the server.
#pragma once

#include <span>

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct Sha256Part {
  const void *bytes;
  size_t length;
};

/// Digest of the concatenated parts; the caller makes sure that different parts never concatenate to the
/// same bytes. `digest` has PG_SHA256_DIGEST_LENGTH bytes.
void sha256(std::span<const Sha256Part> parts, uint8 *digest);

}  // namespace tenancy::pg
