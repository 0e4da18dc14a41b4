#include "pg/server/hmac.hpp"

#include <openssl/crypto.h>

namespace tenancy::pg {

void hmac_sha256(std::span<const uint8> key, std::span<const HmacPart> parts, uint8 *digest) {
  pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
  bool done = context != nullptr && pg_hmac_init(context, key.data(), key.size()) >= 0;
  for (const HmacPart &part : parts)
    done = done && pg_hmac_update(context, static_cast<const uint8 *>(part.bytes), part.length) >= 0;
  done = done && pg_hmac_final(context, digest, PG_SHA256_DIGEST_LENGTH) >= 0;
  pg_hmac_free(context);
  if (!done) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute HMAC-SHA-256")));
}

bool are_equal_secrets(const uint8 *one, const uint8 *other, size_t size) {
  return CRYPTO_memcmp(one, other, size) == 0;
}

}  // namespace tenancy::pg
