// SHA-256 by the server's own implementation.
#pragma once

#include <span>

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct Sha256Part {
  const void *bytes;
  size_t length;
};

/// Digest of the parts one after the other; the caller keeps them apart. `digest` has PG_SHA256_DIGEST_LENGTH
/// bytes.
void sha256(std::span<const Sha256Part> parts, uint8 *digest);

}  // namespace tenancy::pg
