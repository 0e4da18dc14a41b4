#include "core/credential/jwk.hpp"

#include <algorithm>
#include <bit>

#include "core/credential/base64url.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using std::string_view;

constexpr std::array<string_view, 8> private_members = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
constexpr std::size_t max_exponent_bytes = 8;

// A member's bytes without leading zeros; 0 if there are none, or too many.
std::size_t read_bytes(const JsonValue &value, std::span<std::uint8_t> out) noexcept {
  if (!value.is_text()) return 0;
  return decode_base64url(value.text, out).value_or(0);
}

std::size_t without_zeros(std::span<std::uint8_t> number) noexcept {
  const auto start = std::find_if(number.begin(), number.end(), [](std::uint8_t byte) { return byte != 0; });
  return static_cast<std::size_t>(std::copy(start, number.end(), number.begin()) - number.begin());
}

const char *read_rsa(const JsonObject &object, Jwk &key) noexcept {
  key.algorithm = SignatureAlgorithm::rs256;
  // One byte more for a leading zero, which is invalid but common.
  std::array<std::uint8_t, max_rsa_bits / 8 + 1> modulus{};
  if (!object["n"].is_text()) return "it has no modulus \"n\"";
  if (base64url_decoded_size(object["n"].text.size()) > modulus.size())
    return "its modulus has more than 8192 bits";
  std::span<std::uint8_t> n{modulus.data(), read_bytes(object["n"], modulus)};
  n = n.first(without_zeros(n));
  if (n.empty()) return "its modulus \"n\" is not base64url";
  if (n.size() > key.first_bytes.size()) return "its modulus has more than 8192 bits";
  if (n.size() * 8 - static_cast<std::size_t>(std::countl_zero(n.front())) < min_rsa_bits)
    return "its modulus has less than 2048 bits";
  key.first_size = n.size();
  std::copy(n.begin(), n.end(), key.first_bytes.begin());

  const std::span<std::uint8_t> e{key.second_bytes.data(), read_bytes(object["e"], key.second_bytes)};
  key.second_size = without_zeros(e);
  if (key.second_size == 0) return "its exponent \"e\" is missing or not base64url";
  const std::uint8_t last = key.second_bytes[key.second_size - 1];
  if (key.second_size > max_exponent_bytes || (last & 1U) == 0 || (key.second_size == 1 && last == 1))
    return "its exponent is not one of an RSA key";
  return nullptr;
}

const char *read_ec(const JsonObject &object, Jwk &key) noexcept {
  key.algorithm = SignatureAlgorithm::es256;
  if (object["crv"].text != "P-256") return "its curve is not P-256";
  key.first_size = read_bytes(object["x"], {key.first_bytes.data(), curve_bytes});
  key.second_size = read_bytes(object["y"], key.second_bytes);
  if (key.first_size != curve_bytes || key.second_size != curve_bytes)
    return "its coordinates \"x\" and \"y\" are not 32 bytes in base64url each";
  return nullptr;
}

const char *read_okp(const JsonObject &object, Jwk &key) noexcept {
  key.algorithm = SignatureAlgorithm::eddsa;
  if (object["crv"].text != "Ed25519") return "its curve is not Ed25519";
  key.first_size = read_bytes(object["x"], {key.first_bytes.data(), curve_bytes});
  if (key.first_size != curve_bytes) return "its public key \"x\" is not 32 bytes in base64url";
  return nullptr;
}

const char *read_parameters(const JsonObject &object, Jwk &key) noexcept {
  const string_view type = object["kty"].text;
  if (type == "RSA") return read_rsa(object, key);
  if (type == "EC") return read_ec(object, key);
  if (type == "OKP") return read_okp(object, key);
  if (type == "oct") return "it is a symmetric key";
  return "its type \"kty\" is not RSA, EC or OKP";
}

}  // namespace

const char *read_jwk(const JsonObject &object, Jwk &key) noexcept {
  key = {};
  for (const string_view name : private_members)
    if (object[name].is_given()) return "it holds private parameters";
  const JsonValue use = object["use"], operations = object["key_ops"], algorithm = object["alg"];
  if (use.is_given() && !(use.is_text() && use.text == "sig")) return "its use is not \"sig\"";
  if (operations.is_given() &&
      std::find(operations.texts.begin(), operations.texts.end(), "verify") == operations.texts.end())
    return "its operations \"key_ops\" do not include \"verify\"";
  if (const char *problem = read_parameters(object, key); problem != nullptr) return problem;
  if (algorithm.is_given() && !(algorithm.is_text() && algorithm.text == algorithm_name(key.algorithm)))
    return "its algorithm \"alg\" is not the one of its type (RS256, ES256 or EdDSA)";
  return nullptr;
}

}  // namespace tenancy
