// All that reads a token before its signature is verified: splitting, decoding, preparing the JSON; and what
// then reads single claims. The JSON itself is parsed by the server.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/credential/base64url.hpp"
#include "core/credential/compact_token.hpp"
#include "core/credential/jwk.hpp"
#include "core/credential/token_claims.hpp"
#include "core/credential/token_header.hpp"

namespace tenancy {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Only the canonical text decodes, so encoding again gives the text.
void check_canonical(std::string_view text, const std::vector<std::uint8_t> &bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string encoded;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) encoded += digits[bits >> (count - 6) & 63U];
  }
  if (count > 0) encoded += digits[bits << (6 - count) & 63U];
  require(encoded == text);
}

void read_json(std::string json) {
  const std::size_t before = json.size();
  const auto size = prepare_json(json, 16);
  require(!size || *size <= before);
}

void read_part(std::string_view text) {
  std::vector<std::uint8_t> bytes(base64url_decoded_size(text.size()));
  const auto size = decode_base64url(text, bytes);
  if (!size) return;
  require(*size == bytes.size());
  check_canonical(text, bytes);
  read_json(std::string(bytes.begin(), bytes.end()));
}

// A claim of each kind, and headers and keys that consist of nothing else.
void read_claims(std::string_view text) {
  const std::vector<std::string_view> list = {text.substr(0, text.size() / 2), text.substr(text.size() / 2)};
  for (const JsonValue &value :
       {JsonValue{JsonValue::Kind::text, text, {}}, JsonValue{JsonValue::Kind::number, text, {}},
        JsonValue{JsonValue::Kind::texts, {}, list}}) {
    std::array<JsonMember, 15> members = {{{"alg", value},
                                           {"kid", value},
                                           {"typ", value},
                                           {"kty", {JsonValue::Kind::text, "RSA", {}}},
                                           {"n", value},
                                           {"e", value},
                                           {"organization_id", value},
                                           {"portkey_oid", value},
                                           {"workspace_slug", value},
                                           {"scope", value},
                                           {"scopes", value},
                                           {"scp", value},
                                           {"exp", value},
                                           {"nbf", value},
                                           {"use", value}}};
    require(arrange_members(members));
    const JsonObject object{members};
    TokenHeader header;
    read_token_header(object, header);
    Jwk key;
    read_jwk(object, key);
    TokenClaims claims;
    read_token_claims(object, claims);

    const auto early = numeric_date(value, Rounding::down), late = numeric_date(value, Rounding::up);
    require(early.has_value() == late.has_value());
    if (early) require(*early >= 0 && *late >= *early && *late - *early <= 1 && *late <= 253402300799);
    ScopeWords words(value);
    std::size_t count = 0;
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      require(++count <= text.size());
      if (const auto scope = scope_of_word(word))
        require(scope->resource.size() <= 63 && scope->action.size() <= 63 && !scope->action.empty());
    }
  }
}

}  // namespace
}  // namespace tenancy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace tenancy;
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  if (const auto parts = split_compact_token(text)) {
    require(parts->signed_text.size() + 1 + parts->signature.size() == text.size());
    read_part(parts->header);
    read_part(parts->payload);
    read_part(parts->signature);
  }
  read_json(std::string(text));
  read_claims(text);
  return 0;
}
