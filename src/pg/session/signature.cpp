#include "pg/session/signature.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <memory>

// Last.
#include "core/no_server.hpp"

namespace tenancy::pg {
namespace {

template <auto free>
struct Free {
  template <typename Object>
  void operator()(Object *object) const noexcept {
    free(object);
  }
};
template <typename Object, auto free>
using Owned = std::unique_ptr<Object, Free<free>>;

using Number = Owned<BIGNUM, BN_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using ParameterBuilder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

// Errors must not stay in OpenSSL's queue: the server reads it for its connections.
class OwnErrors {
 public:
  OwnErrors() noexcept { ERR_set_mark(); }
  ~OwnErrors() { ERR_pop_to_mark(); }
  OwnErrors(const OwnErrors &) = delete;
  OwnErrors &operator=(const OwnErrors &) = delete;
};

Number number_of(std::span<const std::uint8_t> bytes) {
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Key make_key(const char *type, OSSL_PARAM *parameters) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY *key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    return nullptr;
  return Key(key);
}

Key make_rsa_key(const Jwk &jwk) {
  const Number modulus = number_of(jwk.first()), exponent = number_of(jwk.second());
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  return parameters ? make_key("RSA", parameters.get()) : nullptr;
}

// OpenSSL checks that the point is on the curve.
Key make_ec_key(const Jwk &jwk) {
  std::array<std::uint8_t, 1 + 2 * curve_bytes> point{0x04};
  std::copy(jwk.first().begin(), jwk.first().end(), point.begin() + 1);
  std::copy(jwk.second().begin(), jwk.second().end(), point.begin() + 1 + curve_bytes);
  char curve[] = "prime256v1";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  return make_key("EC", parameters);
}

Key make_key(const Jwk &jwk) {
  switch (jwk.algorithm) {
    case SignatureAlgorithm::rs256:
      return make_rsa_key(jwk);
    case SignatureAlgorithm::es256:
      return make_ec_key(jwk);
    case SignatureAlgorithm::eddsa:
      return Key(
          EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, jwk.first_bytes.data(), jwk.first_size));
  }
  return nullptr;
}

bool verify(EVP_PKEY *key, const char *digest, bool is_rsa, std::string_view text,
            std::span<const std::uint8_t> signature) {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX *key_context = nullptr;  // owned by the digest context
  if (!context ||
      EVP_DigestVerifyInit_ex(context.get(), &key_context, digest, nullptr, nullptr, key, nullptr) != 1)
    return false;
  if (is_rsa && EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PADDING) != 1) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const unsigned char *>(text.data()), text.size()) == 1;
}

// A token has the two numbers one after the other, OpenSSL expects them in DER.
bool verify_ec(EVP_PKEY *key, std::string_view text, std::span<const std::uint8_t> signature) {
  if (signature.size() != 2 * curve_bytes) return false;
  Number r = number_of(signature.first(curve_bytes)), s = number_of(signature.last(curve_bytes));
  const EcSignature pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return false;
  // ECDSA_SIG_set0() took ownership: release our handles.
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  std::array<std::uint8_t, 2 * (curve_bytes + 3) + 3> der{};
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > der.size()) return false;
  std::uint8_t *end = der.data();
  if (i2d_ECDSA_SIG(pair.get(), &end) != size) return false;
  return verify(key, "SHA256", false, text, {der.data(), static_cast<std::size_t>(size)});
}

}  // namespace

bool is_usable_key(const Jwk &jwk) noexcept {
  const OwnErrors errors;
  const Key key = make_key(jwk);
  if (!key) return false;
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

bool verify_signature(const Jwk &jwk, std::string_view text,
                      std::span<const std::uint8_t> signature) noexcept {
  const OwnErrors errors;
  const Key key = make_key(jwk);
  if (!key) return false;
  switch (jwk.algorithm) {
    case SignatureAlgorithm::rs256:
      return verify(key.get(), "SHA256", true, text, signature);
    case SignatureAlgorithm::es256:
      return verify_ec(key.get(), text, signature);
    case SignatureAlgorithm::eddsa:
      return verify(key.get(), nullptr, false, text, signature);
  }
  return false;
}

}  // namespace tenancy::pg
