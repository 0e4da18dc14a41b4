#include "pg/session/token.hpp"

#include "core/credential/base64url.hpp"
#include "core/credential/compact_token.hpp"
#include "core/credential/token_claims.hpp"
#include "core/credential/token_header.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/json_reader.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/signature.hpp"

namespace tenancy::pg {
namespace {

constexpr int64 unix_epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

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

Datum text_datum(std::string_view text) {
  return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
}

const char *copy(std::string_view text) { return pnstrdup(text.data(), text.size()); }

struct ConfiguredKey {
  bool found;
  Jwk key;
};
ConfiguredKey read_key(const CatalogRead &read, const Uuid &organization, std::string_view key_id) {
  ConfiguredKey result{};
  ScanKeyData keys[2];
  equals(&keys[0], attribute::jwt_keys::organization_id, organization);
  equals(&keys[1], attribute::jwt_keys::kid, F_TEXTEQ, text_datum(key_id));
  CatalogScan scan = begin_scan(read, CatalogIndex::jwt_keys_pkey, 2, keys);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    bool is_null = false;
    Jsonb *jwk = DatumGetJsonbP(column(scan, tuple, attribute::jwt_keys::jwk, &is_null));
    char *text = JsonbToCString(nullptr, &jwk->root, VARSIZE(jwk));
    const JsonRead json = read_json_object(text, strlen(text));
    result.found = json.problem == nullptr && read_jwk(json.object, result.key) == nullptr;
  }
  end_scan(scan);
  return result;
}

// The issuer and audience that the organization requires, if configured.
const char *check_issuer(const CatalogRead &read, const Uuid &organization, const TokenClaims &claims) {
  const char *problem = nullptr;
  ScanKeyData key;
  equals(&key, attribute::jwt_issuers::organization_id, organization);
  CatalogScan scan = begin_scan(read, CatalogIndex::jwt_issuers_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
    const char *issuer = text_column(scan, tuple, attribute::jwt_issuers::issuer);
    const char *audience = text_column(scan, tuple, attribute::jwt_issuers::audience);
    const auto is_expected = [](const JsonValue &claim, const char *expected) {
      return is_database_text(expected) && claim_names(claim, expected);
    };
    if (issuer != nullptr && !(claims.issuer.is_text() && is_expected(claims.issuer, issuer)))
      problem = "its issuer is not the organization's";
    else if (audience != nullptr && !is_expected(claims.audience, audience))
      problem = "its audience is another";
  }
  end_scan(scan);
  return problem;
}

const char *check_signature(const CatalogRead &read, const Uuid &organization, const TokenHeader &header,
                            const CompactToken &parts) {
  if (!is_database_text(header.key_id)) return "its key is not known";
  const ConfiguredKey configured = read_key(read, organization, header.key_id);
  if (!configured.found) return "its key is not known";
  // The key decides how a signature is verified, never the token.
  if (header.algorithm != algorithm_name(configured.key.algorithm)) return "its algorithm is not its key's";
  const Bytes signature = decode(parts.signature);
  if (signature.size == 0) return "its signature is not base64url";
  bool verified = false;
  run_core([&] {
    verified = verify_signature(configured.key, parts.signed_text, {signature.data, signature.size});
  });
  return verified ? nullptr : "its signature is wrong";
}

PermissionSet read_scopes(const TokenClaims &claims) {
  PermissionSet scopes;
  ScopeWords words(claims.scopes);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto scope = scope_of_word(word);
    if (!scope) continue;
    const char *resource = copy(scope->resource);
    const char *action = copy(scope->action);
    if (is_registered(resource, action)) scopes.add(permission_id(resource, action));
  }
  return scopes;
}

const char *read_verified(const CatalogRead &read, const CompactToken &parts, TokenRead &token) {
  const JsonRead header_json = decode_object(parts.header);
  if (header_json.problem != nullptr) return header_json.problem;
  TokenHeader header;
  if (const char *problem = read_token_header(header_json.object, header); problem != nullptr) return problem;
  const JsonRead payload = decode_object(parts.payload);
  if (payload.problem != nullptr) return payload.problem;
  TokenClaims claims;
  if (const char *problem = read_token_claims(payload.object, claims); problem != nullptr) return problem;

  // Until its signature is verified, the token is only a claim: the organization it names determines the
  // keys that may have signed it.
  if (!is_database_text(claims.organization) || !is_database_text(claims.workspace))
    return "its organization or workspace does not exist";
  const Uuid organization = find_organization(read, copy(claims.organization), Ambiguous::is_none);
  if (!organization) return "its organization does not exist";
  if (const char *problem = check_signature(read, organization, header, parts); problem != nullptr)
    return problem;

  const int64 now = statement_time() + unix_epoch;
  if (const char *problem = check_token_time(claims, now); problem != nullptr) return problem;
  if (const char *problem = check_issuer(read, organization, claims); problem != nullptr) return problem;
  const Uuid workspace = find_workspace(read, copy(claims.workspace), organization, Ambiguous::is_none);
  if (!workspace) return "its workspace does not exist";

  token.facts.kind = KeyKind::workspace_service_key;
  token.facts.organization = organization;
  token.facts.workspace = workspace;
  token.facts.scopes = read_scopes(claims);
  token.facts.classes = &permission_classes();
  token.not_after = token_not_after(claims) - unix_epoch;
  if (!claims.subject.empty() && is_database_text(claims.subject)) token.subject = copy(claims.subject);
  return nullptr;
}

}  // namespace

TokenRead read_token(const CatalogRead &read, const char *token) {
  TokenRead result{};
  const auto parts = split_compact_token(token);
  result.refused = parts ? read_verified(read, *parts, result) : "it is no token";
  return result;
}

extern "C" {
// The algorithm of a configurable key.
PG_FUNCTION_INFO_V1(pg_tenancy_check_jwk);
Datum pg_tenancy_check_jwk(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  Jsonb *jwk = PG_GETARG_JSONB_P(0);
  char *text = JsonbToCString(nullptr, &jwk->root, VARSIZE(jwk));
  const JsonRead json = read_json_object(text, strlen(text));
  const char *problem = json.problem;
  Jwk key;
  if (problem == nullptr) problem = read_jwk(json.object, key);
  if (problem == nullptr) {
    bool usable = false;
    run_core([&] { usable = is_usable_key(key); });
    if (!usable) problem = "its numbers are not those of a public key";
  }
  if (problem != nullptr)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("JSON Web Key cannot be used: %s", problem),
             errhint("Give public keys for signatures: RSA of 2048 to 8192 bits, EC on P-256, or OKP "
                     "on Ed25519.")));
  return text_datum(algorithm_name(key.algorithm));
}
}

}  // namespace tenancy::pg
