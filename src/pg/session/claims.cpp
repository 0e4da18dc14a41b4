// Claims: the receiving side, and reading them.

#include "pg/session/claims.hpp"

#include "core/claims/challenge.hpp"
#include "core/claims/claim.hpp"
#include "core/credential/base64url.hpp"
#include "pg/catalog/claimed_catalog.hpp"
#include "pg/catalog/cluster_key.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/hmac.hpp"
#include "pg/server/refused.hpp"
#include "pg/server/sha256.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/denials.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/seal_and_lifetime.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {
namespace {

constexpr size_t signature_size = PG_SHA256_DIGEST_LENGTH;
constexpr size_t longest_challenge = 64 + NAMEDATALEN;

struct {
  // The session's challenge; size 0: there is none, or a claim has been given for it.
  uint8 challenge[longest_challenge];
  size_t challenge_size;
  Oid challenged_login;
  // The subject of the transaction's claims: there can be several, one after the other, of one principal.
  bool has_subject;
  uint8 subject[PG_SHA256_DIGEST_LENGTH];
  bool is_registered;
} state{};

// Holders of a claim of this cluster are shown why.
[[noreturn]] void refuse_claim(const char *reason, bool is_genuine = false) {
  record_denial(Counter::denied_token, nullptr, reason);
  ereport(ERROR, (refused(Refused::credential), errmsg("invalid or expired claim"),
                  is_genuine ? errdetail("%s.", reason) : 0, errhidestmt(true)));
  pg_unreachable();
}

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
    state.has_subject = false;
}
}

// A session that never receives a claim has no work at the end of its transactions.
void watch_transactions() {
  if (state.is_registered) return;
  RegisterXactCallback(transaction_ends, nullptr);
  state.is_registered = true;
}

struct ReadClaim {
  ClaimTerms terms;
  std::vector<ClaimedPermission> *registered;
  ClaimedPrincipal *principal;
};

// Everything is in memory of the current context.
ReadClaim read_claim(std::span<const uint8> bytes) {
  ReadClaim claim{};
  std::span<const uint8> rest;
  const auto terms = read_claim_terms(bytes, rest);
  if (!terms) refuse_claim("It is malformed");
  claim.terms = *terms;
  claim.registered = make_in_context<std::vector<ClaimedPermission>>(CurrentMemoryContext);
  claim.principal = make_in_context<ClaimedPrincipal>(CurrentMemoryContext);
  bool is_read = false;
  run_core([&] { is_read = read_claimed_permissions(rest, *claim.registered); });
  if (!is_read) refuse_claim("It is malformed");
  for (ClaimedPermission &permission : *claim.registered)
    permission.id = permission_id(pnstrdup(permission.resource.data(), permission.resource.size()),
                                  pnstrdup(permission.action.data(), permission.action.size()));
  run_core([&] { is_read = read_claimed_principal(rest, *claim.registered, *claim.principal); });
  if (!is_read || claim.principal->kind > static_cast<int>(PrincipalKind::jwt) ||
      claim.principal->source > static_cast<int>(PrincipalSource::login))
    refuse_claim("It is malformed");
  return claim;
}

template <typename Value>
std::span<const Value> copied(MemoryContext context, std::span<const Value> values) {
  if (values.empty()) return {};
  auto *copy = static_cast<Value *>(MemoryContextAllocHuge(context, values.size_bytes()));
  std::copy(values.begin(), values.end(), copy);
  return {copy, values.size()};
}

void require_text(FunctionCallInfo fcinfo, const char *message) {
  if (!PG_ARGISNULL(0)) return;
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s", message)));
}

// Makes a challenge in place of the last one, and RETURNS it as text.
text *new_challenge() {
  watch_transactions();
  Challenge challenge;
  challenge.system = GetSystemIdentifier();
  challenge.database = MyDatabaseId;
  challenge.process = static_cast<uint32>(MyProcPid);
  challenge.started_at = MyStartTimestamp;
  challenge.login_id = GetSessionUserId();
  challenge.login = GetUserNameFromId(GetSessionUserId(), false);
  if (!pg_strong_random(challenge.random.bytes.data(), challenge.random.bytes.size()))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
  auto *printed = make_in_context<std::string>(CurrentMemoryContext);
  state.challenge_size = 0;
  run_core([&] {
    std::string bytes;
    write_challenge(challenge, bytes);
    if (bytes.size() > sizeof state.challenge) return;
    std::copy(bytes.begin(), bytes.end(), state.challenge);
    state.challenge_size = bytes.size();
    encode_base64url({state.challenge, state.challenge_size}, *printed);
  });
  if (state.challenge_size == 0) elog(ERROR, "challenge is too long");
  state.challenged_login = GetSessionUserId();
  return cstring_to_text_with_len(printed->data(), static_cast<int>(printed->size()));
}

[[noreturn]] void refuse_place() {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("a claim cannot be accepted in a simulated query, or in work of the extension")));
  pg_unreachable();
}

// The principal that a seal or a simulated query keeps must stay; and in work of the extension there is none.
void check_place() {
  if (is_simulation() || is_suspended()) refuse_place();
  if (is_sealed() && !state.has_subject)
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("the session's principal is sealed until the transaction ends")));
}

// A challenge is for one claim, also if that is refused.
void check_terms(const ClaimTerms &terms) {
  const size_t size = state.challenge_size;
  state.challenge_size = 0;
  if (size == 0) refuse_claim("The session has no challenge, or a claim was given for it already", true);
  if (terms.challenge.size() != size || memcmp(terms.challenge.data(), state.challenge, size) != 0)
    refuse_claim("It was made for another challenge", true);
  const char *login = GetUserNameFromId(GetSessionUserId(), false);
  if (state.challenged_login != GetSessionUserId() || terms.login != login)
    refuse_claim("It is for another login", true);
  if (terms.until <= GetCurrentTimestamp()) refuse_claim("It has expired", true);
}

// All claims of a transaction are of one principal of one sender.
void check_subject(const ReadClaim &claim) {
  const ClaimedPrincipal &principal = *claim.principal;
  const Uuid organization = principal.access.organization();
  const uint8 words[] = {principal.kind, principal.source};
  const Sha256Part parts[] = {{&claim.terms.sender_system, sizeof claim.terms.sender_system},
                              {&claim.terms.sender_database, sizeof claim.terms.sender_database},
                              {words, sizeof words},
                              {&organization, sizeof organization},
                              {&principal.workspace, sizeof principal.workspace},
                              {&principal.user, sizeof principal.user},
                              {&principal.api_key, sizeof principal.api_key},
                              {principal.token_subject.data(), principal.token_subject.size()}};
  uint8 subject[PG_SHA256_DIGEST_LENGTH];
  sha256(parts, subject);
  if (state.has_subject && memcmp(subject, state.subject, sizeof subject) != 0)
    refuse_claim("The transaction has accepted a claim of another principal", true);
  memcpy(state.subject, subject, sizeof subject);
}

void verify(const SignedBytes &given) {
  std::span<const uint8> rest;
  const auto terms = read_claim_terms(given.bytes, rest);
  if (!terms) refuse_claim("It is malformed");
  CatalogRead read = begin_catalog_read();
  const ClusterKey key = read_cluster_key(read, terms->key_id);
  end_catalog_read(read);
  if (key.id == 0) refuse_claim("The node has no such key");
  uint8 signature[signature_size];
  sign_bytes(given.bytes, key.secret, signature);
  if (!are_equal_secrets(signature, given.signature, sizeof signature))
    refuse_claim("Its signature is wrong");
}

}  // namespace

SignedBytes signed_bytes_of(const char *text, size_t length, MemoryContext context) {
  const size_t room = base64url_decoded_size(length);
  if (length > claim_size || room <= signature_size) return {};
  auto *bytes = static_cast<uint8 *>(MemoryContextAlloc(context, room));
  const auto size = decode_base64url({text, length}, {bytes, room});
  if (!size || *size <= signature_size) return {};
  return {{bytes, *size - signature_size}, bytes + *size - signature_size};
}

void sign_bytes(std::span<const uint8> bytes, std::span<const uint8> secret, uint8 *signature) {
  const HmacPart parts[] = {{claim_domain.data(), claim_domain.size()}, {bytes.data(), bytes.size()}};
  hmac_sha256(secret, parts, signature);
}

void resolve_claim(Principal &principal, Access &access) {
  const char *text = configuration.claim;
  const SignedBytes given = signed_bytes_of(text, strlen(text), principal.context);
  if (given.bytes.empty()) refuse_claim("It is malformed");
  const ReadClaim claim = read_claim(given.bytes);
  if (claim.terms.until <= statement_time()) refuse_claim("It has expired", true);
  const ClaimedPrincipal &claimed = *claim.principal;
  principal.kind = static_cast<PrincipalKind>(claimed.kind);
  principal.source = static_cast<PrincipalSource>(claimed.source);
  principal.organization = claimed.access.organization();
  principal.workspace = claimed.workspace;
  principal.user = claimed.user;
  principal.api_key = claimed.api_key;
  principal.not_after = claim.terms.until;
  if (claimed.has_token_subject)
    principal.token_subject = MemoryContextStrdup(
        principal.context, pnstrdup(claimed.token_subject.data(), claimed.token_subject.size()));
  principal.workspaces = copied(principal.context, std::span<const Uuid>(claimed.workspaces));
  principal.workspaces_known = claimed.workspaces_listed;
  principal.user_keys = copied(principal.context, std::span<const Uuid>(claimed.user_keys));
  principal.user_keys_known = true;

  auto *catalog =
      static_cast<ClaimedCatalog *>(MemoryContextAllocZero(principal.context, sizeof(ClaimedCatalog)));
  for (const ClaimedPermission &permission : *claim.registered) catalog->registered.add(permission.id);
  // Their texts are of the claim's bytes, which are in the principal's memory.
  catalog->external_ids = copied(principal.context, std::span<const ClaimedExternalId>(claimed.external_ids));
  principal.claimed = catalog;
  run_core([&] { access = claimed.access; });
}

void check_administrable(const char *function) {
  if (!is_claimed()) return;
  for (const char *question : {"require", "help", "explain_write"})
    if (strcmp(function, question) == 0) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("%s() cannot be called with a claim", function),
                  errdetail("The node that has made the claim has the tenants' catalogs."),
                  errhint("Connect to that node.")));
}

void check_claims_required() {
  if (!configuration.require_claims) return;
  record_denial(Counter::denied_anonymous, nullptr, "the session has no claim");
  ereport(ERROR,
          (refused(Refused::no_principal), errmsg("this node knows principals by claims of other nodes only"),
           errhint("Connect to the node that has the tenants' catalogs.")));
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_claim_challenge);
Datum pg_tenancy_claim_challenge(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  // A table owner's code would take the session's challenge away.
  if (is_suspended() || InSecurityRestrictedOperation()) refuse_place();
  PG_RETURN_TEXT_P(new_challenge());
}

PG_FUNCTION_INFO_V1(pg_tenancy_accept_claim);
Datum pg_tenancy_accept_claim(PG_FUNCTION_ARGS) {
  require_text(fcinfo, "a claim must be given");
  give_back_numbers();
  check_place();
  const text *argument = PG_GETARG_TEXT_PP(0);
  const size_t length = VARSIZE_ANY_EXHDR(argument);
  const SignedBytes given = signed_bytes_of(VARDATA_ANY(argument), length, CurrentMemoryContext);
  if (given.bytes.empty()) refuse_claim("It is malformed");
  verify(given);
  const ReadClaim claim = read_claim(given.bytes);
  check_terms(claim.terms);
  check_subject(claim);
  set_config_option("tenancy.claim", text_to_cstring(argument), PGC_SUSET, internal_source, GUC_ACTION_LOCAL,
                    true, 0, false);
  state.has_subject = true;
  seal_principal(nullptr);
  PG_RETURN_TEXT_P(new_challenge());
}
}

}  // namespace tenancy::pg
