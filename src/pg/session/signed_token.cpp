#include "pg/session/signed_token.hpp"

#include "core/credential/base64url.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/json_reader.hpp"
#include "pg/session/signature.hpp"

namespace tenancy::pg {
namespace {

struct Bytes {
  uint8 *data;
  size_t size;
};

// Empty for anything that isn't base64url, since every part of a token must be.
Bytes decode(std::string_view text) {
  const size_t room = base64url_decoded_size(text.size());
  auto *data = static_cast<uint8 *>(palloc(room + 1));
  return {data, decode_base64url(text, {data, room}).value_or(0)};
}

JsonRead decode_object(std::string_view text) {
  const Bytes bytes = decode(text);
  if (bytes.size == 0) return {"it is not base64url", {}};
  return read_json_object(reinterpret_cast<char *>(bytes.data), bytes.size);
}

}  // namespace

Datum text_datum(std::string_view text) {
  return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
}

SignedToken take_apart(const char *token) {
  SignedToken result{};
  const auto parts = split_compact_token(token);
  if (!parts) return {"it is no token", {}, {}, {}};
  result.parts = *parts;
  const JsonRead header = decode_object(parts->header);
  result.problem = header.problem;
  if (result.problem == nullptr) result.problem = read_token_header(header.object, result.header);
  if (result.problem == nullptr && !is_database_text(result.header.key_id))
    result.problem = "its key is not known";
  if (result.problem != nullptr) return result;
  const JsonRead payload = decode_object(parts->payload);
  result.problem = payload.problem;
  result.payload = payload.object;
  return result;
}

bool read_key(const CatalogScan &scan, HeapTuple tuple, AttrNumber attribute, Jwk &key) {
  bool is_null = false;
  Jsonb *jwk = DatumGetJsonbP(column(scan, tuple, attribute, &is_null));
  char *text = JsonbToCString(nullptr, &jwk->root, VARSIZE(jwk));
  const JsonRead json = read_json_object(text, strlen(text));
  return json.problem == nullptr && read_jwk(json.object, key) == nullptr;
}

const char *check_signature(const SignedToken &token, const Jwk &key) {
  // The key decides how a signature is verified, never the token.
  if (token.header.algorithm != algorithm_name(key.algorithm)) return "its algorithm is not its key's";
  const Bytes signature = decode(token.parts.signature);
  if (signature.size == 0) return "its signature is not base64url";
  bool verified = false;
  run_core([&] {
    verified = verify_signature(key, token.parts.signed_text, {signature.data, signature.size});
  });
  return verified ? nullptr : "its signature is wrong";
}

}  // namespace tenancy::pg
