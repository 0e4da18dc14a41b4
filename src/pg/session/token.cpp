#include "pg/session/token.hpp"

#include "core/credential/token_claims.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/json_reader.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/signature.hpp"
#include "pg/session/user_token.hpp"

namespace tenancy::pg {
namespace {

constexpr int64 unix_epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

const char *copy(std::string_view text) { return pnstrdup(text.data(), text.size()); }

struct ConfiguredKey {
  bool found;
  Jwk key;
};
ConfiguredKey read_key_of(const CatalogRead &read, const Uuid &organization, std::string_view key_id) {
  ConfiguredKey result{};
  ScanKeyData keys[2];
  equals(&keys[0], attribute::jwt_keys::organization_id, organization);
  equals(&keys[1], attribute::jwt_keys::kid, F_TEXTEQ, text_datum(key_id));
  CatalogScan scan = begin_scan(read, CatalogIndex::jwt_keys_pkey, 2, keys);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    result.found = read_key(scan, tuple, attribute::jwt_keys::jwk, result.key);
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
      problem = "its issuer (iss) is not the organization's";
    else if (audience != nullptr && !is_expected(claims.audience, audience))
      problem = "its audience (aud) is another";
  }
  end_scan(scan);
  return problem;
}

}  // namespace

RegisteredScopes registered_scopes(const JsonValue &claim) {
  RegisteredScopes result{};
  ScopeWords words(claim);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto scope = scope_of_word(word);
    if (!scope) continue;
    const char *resource = copy(scope->resource);
    const char *action = copy(scope->action);
    const auto add = [&result](const char *of, const char *may) {
      if (!is_registered(of, may)) return false;
      result.permissions.add(permission_id(of, may));
      result.any = true;
      return true;
    };
    const bool known = add(resource, action);
    const auto included = scopes_of_word(scope->resource, scope->action, known);
    for (const Scope &one : included) add(copy(one.resource), copy(one.action));
    if (known) continue;
    // A level that gives nothing narrows all the same. A resource of the user's own is a feature of its name.
    if (included.empty() && is_scope_level(scope->resource, scope->action)) result.any = true;
    if (scope_levels(scope->resource).empty())
      for (const std::string_view own : actions_of_level(scope->action)) add(resource, copy(own));
  }
  return result;
}

namespace {

const char *read_verified(const CatalogRead &read, const SignedToken &parts, TokenRead &token) {
  if (parts.problem != nullptr) return parts.problem;
  TokenClaims claims;
  const char *claims_problem = read_token_claims(parts.payload, claims);

  // Until its signature is verified, the token is only a claim: the organization it names determines the
  // keys that may have signed it.
  if (claims.organization.empty()) return claims_problem;
  if (!is_database_text(claims.organization)) return "its organization does not exist";
  const Uuid organization = find_organization(read, copy(claims.organization), Ambiguous::is_none);
  if (!organization) return "its organization does not exist";
  const ConfiguredKey configured = read_key_of(read, organization, parts.header.key_id);
  if (!configured.found) return "its key is not known";
  if (const char *problem = check_signature(parts, configured.key); problem != nullptr) return problem;
  if (is_signed_for_users(read, parts, organization)) return "its key signs tokens of users";
  token.is_signed = true;
  if (claims_problem != nullptr) return claims_problem;
  if (!is_database_text(claims.workspace)) return "its workspace does not exist";

  const int64 now = statement_time() + unix_epoch;
  if (const char *problem = check_token_time(claims, now); problem != nullptr) return problem;
  if (const char *problem = check_issuer(read, organization, claims); problem != nullptr) return problem;
  const Uuid workspace = find_workspace(read, copy(claims.workspace), organization, Ambiguous::is_none);
  if (!workspace) return "its workspace does not exist";

  token.facts.kind = KeyKind::workspace_service_key;
  token.facts.organization = organization;
  token.facts.workspace = workspace;
  token.facts.scopes = registered_scopes(claims.scopes).permissions;
  token.facts.classes = &permission_classes();
  token.facts.scopes -= token.facts.classes->off_by_default;
  token.not_after = token_not_after(claims) - unix_epoch;
  if (!claims.subject.empty() && is_database_text(claims.subject)) token.subject = copy(claims.subject);
  return nullptr;
}

}  // namespace

TokenRead read_token(const CatalogRead &read, const SignedToken &token) {
  TokenRead result{};
  result.refused = read_verified(read, token, result);
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
