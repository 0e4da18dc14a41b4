#include "pg/server/sha256.hpp"

#include "core/credential/sha256.hpp"

namespace tenancy::pg {

// The server's own uses OpenSSL, where the first digest of a session loads and sets up the library's
// providers.
void sha256(std::span<const Sha256Part> parts, uint8 *digest) {
  static_assert(Sha256::digest_size == PG_SHA256_DIGEST_LENGTH);
  Sha256 sha;
  for (const Sha256Part &part : parts) sha.add({static_cast<const uint8 *>(part.bytes), part.length});
  const Sha256::Digest found = sha.finish();
  memcpy(digest, found.data(), found.size());
}

}  // namespace tenancy::pg
