// Signatures, with OpenSSL. No server header and no server function: OpenSSL's allocations live in one
// frame that no server ERROR can jump over. REQUIRES: called inside run_core().
#pragma once

#include "core/credential/jwk.hpp"

namespace tenancy::pg {

/// Whether the numbers of a key are valid; called once, when it is configured.
bool is_usable_key(const Jwk &key) noexcept;

/// Whether the signature, in the form of JSON Web Signatures, is valid for the text and the key.
bool verify_signature(const Jwk &key, std::string_view text,
                      std::span<const std::uint8_t> signature) noexcept;

}  // namespace tenancy::pg
