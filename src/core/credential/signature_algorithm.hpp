// The signature algorithms of tokens. Each needs one type of key, so each key has one algorithm.
#pragma once

#include <cstdint>
#include <string_view>

namespace tenancy {

enum class SignatureAlgorithm : std::uint8_t {
  rs256,  // RSA PKCS #1 v1.5 with SHA-256
  es256,  // ECDSA on P-256 with SHA-256
  eddsa   // Ed25519
};

/// The name in JSON Web Algorithms and in the catalog.
constexpr std::string_view algorithm_name(SignatureAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case SignatureAlgorithm::rs256:
      return "RS256";
    case SignatureAlgorithm::es256:
      return "ES256";
    case SignatureAlgorithm::eddsa:
      return "EdDSA";
  }
  return {};
}

}  // namespace tenancy
