// Signatures, by OpenSSL. No server header and no server function: what OpenSSL allocates lives in one frame
// that no server ERROR can jump over. To be called inside run_core().
#pragma once

#include "core/credential/jwk.hpp"

namespace tenancy::pg {

/// Whether the numbers of a key make one: to be asked once, when it is configured.
bool is_usable_key(const Jwk &key) noexcept;

/// Whether the signature, in the form that JSON Web Signatures have, is the key's over the text.
bool verify_signature(const Jwk &key, std::string_view text,
                      std::span<const std::uint8_t> signature) noexcept;

}  // namespace tenancy::pg
