#include "pg/server/sha256.hpp"

namespace tenancy::pg {

void sha256(std::span<const Sha256Part> parts, uint8 *digest) {
  pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
  bool done = context != nullptr && pg_cryptohash_init(context) >= 0;
  for (const Sha256Part &part : parts)
    done = done && pg_cryptohash_update(context, static_cast<const uint8 *>(part.bytes), part.length) >= 0;
  done = done && pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) >= 0;
  pg_cryptohash_free(context);
  if (!done) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256")));
}

}  // namespace tenancy::pg
