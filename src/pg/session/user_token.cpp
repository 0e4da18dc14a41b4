#include "pg/session/user_token.hpp"

#include <algorithm>

#include "core/access/email_address.hpp"
#include "core/credential/token_claims.hpp"
#include "core/credential/user_token.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/json_reader.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/token.hpp"

namespace tenancy::pg {
namespace {

constexpr int64 unix_epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

struct Trust {
  Uuid id;
  Uuid organization;  // nil: a DBA's, for all organizations
  IssuerTrust claims;
  bool scopes_required;
};

const char *copy(std::string_view text) { return pnstrdup(text.data(), text.size()); }

std::span<const std::string_view> texts_column(const CatalogScan &scan, HeapTuple tuple,
                                               AttrNumber attribute) {
  bool is_null = false;
  const Datum array = column(scan, tuple, attribute, &is_null);
  if (is_null) return {};
  Datum *elements = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
  if (count == 0) return {};
  auto *texts =
      static_cast<std::string_view *>(palloc(sizeof(std::string_view) * static_cast<size_t>(count)));
  for (int i = 0; i < count; i++) texts[i] = TextDatumGetCString(elements[i]);
  return {texts, static_cast<size_t>(count)};
}

Trust read_trust(const CatalogScan &scan, HeapTuple tuple) {
  namespace of = attribute::trusted_issuers;
  bool is_null = false;
  Trust trust{};
  trust.id = uuid_column(scan, tuple, of::trust_id);
  trust.organization = uuid_column(scan, tuple, of::organization_id);
  trust.scopes_required = bool_column(scan, tuple, of::scopes_required);
  trust.claims.issuer = text_column(scan, tuple, of::issuer);
  trust.claims.audiences = texts_column(scan, tuple, of::audiences);
  trust.claims.authorized_parties = texts_column(scan, tuple, of::authorized_parties);
  const std::string_view subject = text_column(scan, tuple, of::subject);
  trust.claims.subject = subject == "email" ? SubjectClaim::email
                         : subject == "oid" ? SubjectClaim::oid
                                            : SubjectClaim::sub;
  const char *use = text_column(scan, tuple, of::token_use);
  trust.claims.token_use = use == nullptr ? std::string_view{} : std::string_view{use};
  trust.claims.max_age = DatumGetInt64(column(scan, tuple, of::max_age_seconds, &is_null));
  return trust;
}

// Signatures take most of the time, and trusts of several organizations in one issuer have the same keys.
struct Verified {
  bool known;
  bool has_signed;
  Jwk key;
};

bool is_same_key(const Jwk &a, const Jwk &b) {
  return a.algorithm == b.algorithm && std::ranges::equal(a.first(), b.first()) &&
         std::ranges::equal(a.second(), b.second());
}

bool is_signed_for(const CatalogRead &read, const SignedToken &token, const Uuid &trust, Verified &verified) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::issuer_keys::trust_id, trust);
  equals(&keys[1], attribute::issuer_keys::kid, F_TEXTEQ, text_datum(token.header.key_id));
  CatalogScan scan = begin_scan(read, CatalogIndex::issuer_keys_pkey, 2, keys);
  Jwk key;
  const HeapTuple tuple = next_tuple(scan);
  const bool found = HeapTupleIsValid(tuple) && read_key(scan, tuple, attribute::issuer_keys::jwk, key);
  end_scan(scan);
  if (!found) return false;
  if (!verified.known || !is_same_key(verified.key, key))
    verified = {true, check_signature(token, key) == nullptr, key};
  return verified.has_signed;
}

// Trusts in the issuer that the token names, one of whose keys has signed it: until then it is nothing.
template <typename Visitor>
void for_each_trust(const CatalogRead &read, const SignedToken &token, Visitor visit) {
  if (token.problem != nullptr) return;
  const JsonValue issuer = token.payload["iss"];
  if (!issuer.is_text() || !is_database_text(issuer.text)) return;
  ScanKeyData key;
  equals(&key, attribute::trusted_issuers::issuer, F_TEXTEQ, text_datum(issuer.text));
  CatalogScan scan = begin_scan(read, CatalogIndex::trusted_issuers_issuer_organization_id_key, 1, &key);
  Verified verified{};
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    const Trust trust = read_trust(scan, tuple);
    if (is_signed_for(read, token, trust.id, verified)) visit(trust);
  }
  end_scan(scan);
}

Uuid first_user(const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys,
                AttrNumber attribute) {
  CatalogScan scan = begin_scan(read, index, key_count, keys);
  const HeapTuple tuple = next_tuple(scan);
  const Uuid user = HeapTupleIsValid(tuple) ? uuid_column(scan, tuple, attribute) : Uuid{};
  end_scan(scan);
  return user;
}

// In the spelling that is stored; nullptr for what is no address.
const char *address_of(const UserTokenClaims &claims) {
  if (claims.email.empty() || !is_database_text(claims.email) ||
      fault_of_address(claims.email) != AddressFault::none)
    return nullptr;
  return asc_tolower(claims.email.data(), claims.email.size());
}

Uuid user_with_address(const CatalogRead &read, const char *address) {
  ScanKeyData key;
  equals(&key, attribute::users::email, F_TEXTEQ, CStringGetTextDatum(address));
  return first_user(read, CatalogIndex::users_email_key, 1, &key, attribute::users::user_id);
}

// RETURNS the problem, or nullptr.
const char *identify(const CatalogRead &read, const Trust &trust, const UserTokenClaims &claims, Uuid &user) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::identities::trust_id, trust.id);
  equals(&keys[1], attribute::identities::subject, F_TEXTEQ, text_datum(claims.identity));
  user = is_database_text(claims.identity)
             ? first_user(read, CatalogIndex::identities_pkey, 2, keys, attribute::identities::user_id)
             : Uuid{};
  if (user) return nullptr;
  if (trust.claims.subject != SubjectClaim::email) return "Its subject is linked to no user";
  const char *address = address_of(claims);
  if (address == nullptr) return "It has no e-mail address that its issuer has verified";
  user = user_with_address(read, address);
  if (!user) return "Nobody has its e-mail address";
  // Addresses are given to others in time; a subject is not.
  equals(&keys[0], attribute::identities::user_id, user);
  equals(&keys[1], attribute::identities::trust_id, trust.id);
  if (first_user(read, CatalogIndex::identities_user_idx, 2, keys, attribute::identities::user_id)) {
    user = {};
    return "The user with its e-mail address is linked to another subject";
  }
  return nullptr;
}

const char *check_user(const CatalogRead &read, const Uuid &user, TimestampTz issued_at) {
  const UserRead status = read_user(read, user);
  if (!status.exists || !status.active) return "Its user is not active";
  if (issued_at < status.tokens_issued_before) return "It was issued before tokens of its user were ended";
  return nullptr;
}

TimestampTz issue_of(const UserTokenClaims &claims) { return claims.issued_at * USECS_PER_SEC - unix_epoch; }

bool has_ended(const CatalogRead &read, const Uuid &organization, const Uuid &user, TimestampTz issued_at) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::ended_tokens::organization_id, organization);
  equals(&keys[1], attribute::ended_tokens::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::ended_tokens_pkey, 2, keys);
  const HeapTuple tuple = next_tuple(scan);
  const bool ended =
      HeapTupleIsValid(tuple) && issued_at < time_column(scan, tuple, attribute::ended_tokens::issued_before);
  end_scan(scan);
  return ended;
}

// Claims of the organization choose nothing, and may only agree.
bool agree(const CatalogRead &read, const UserTokenClaims &claims, const Uuid &organization) {
  for (size_t i = 0; i < claims.organization_count; i++) {
    const std::string_view name = claims.organization_names[i];
    if (!is_database_text(name) || name.size() > NAMEDATALEN * 4 ||
        !names_organization(read, copy(name), organization))
      return false;
  }
  return true;
}

// The one organization among those of the trusts and of their users. An organization can say of any subject
// that it is a member of its own, also of one that is somebody else's member: where they contradict each
// other, the user counts who has the address that the issuer has verified, which no organization can give
// away.
struct Choice {
  UserTokenRead &result;
  const char *problem;
  bool several;
  bool by_address;
};

// Whether this one is to be taken along, or replaces those before.
bool is_better(Choice &choice, const Uuid &user, bool by_address) {
  if (choice.result.user && choice.result.user != user && choice.by_address != by_address) {
    if (choice.by_address) return false;
    choice.result = {};
    choice.result.is_trusted = true;
    choice.several = false;
  }
  choice.by_address = by_address;
  return true;
}

void consider(const CatalogRead &read, const SignedToken &token, const Trust &trust, Choice &choice) {
  choice.result.is_trusted = true;
  UserTokenClaims claims;
  choice.problem = read_user_token(token.payload, trust.claims, statement_time() + unix_epoch, claims);
  if (choice.problem != nullptr) return;
  Uuid user;
  choice.problem = identify(read, trust, claims, user);
  if (choice.problem == nullptr) choice.problem = check_user(read, user, issue_of(claims));
  if (choice.problem != nullptr) return;
  const char *address = address_of(claims);
  const bool by_address = address != nullptr && user_with_address(read, address) == user;
  choice.problem = "Its user is no member of the organization";

  UserTokenRead &result = choice.result;
  for (const OrganizationMembership &membership : read_organizations_of_user(read, user)) {
    const Uuid &organization = membership.organization;
    if (trust.organization && organization != trust.organization) continue;
    if (*configuration.organization != '\0' &&
        !names_organization(read, configuration.organization, organization))
      continue;
    if (!agree(read, claims, organization)) continue;
    if (has_ended(read, organization, user, issue_of(claims))) {
      choice.problem = "It was issued before tokens of its user were ended";
      continue;
    }
    Uuid workspace;
    if (!claims.workspace.empty()) {
      workspace = is_database_text(claims.workspace)
                      ? find_workspace(read, copy(claims.workspace), organization, Ambiguous::is_none)
                      : Uuid{};
      if (!workspace) {
        choice.problem = "It names a workspace that does not exist";
        continue;
      }
    }
    if (!is_better(choice, user, by_address)) return;
    if (result.organization && (result.organization != organization || result.user != user))
      choice.several = true;
    const RegisteredScopes scopes = registered_scopes(claims.scopes);
    result.organization = organization;
    result.user = user;
    result.workspace = workspace;
    result.scopes = scopes.permissions;
    result.narrowed = result.narrowed || trust.scopes_required || scopes.any;
    result.not_after = (claims.expires_at + clock_skew_seconds) * USECS_PER_SEC - unix_epoch;
    result.subject = copy(claims.identity);
  }
}

}  // namespace

UserTokenRead read_user_token(const CatalogRead &read, const SignedToken &token) {
  UserTokenRead result{};
  Choice choice{result, nullptr, false, false};
  for_each_trust(read, token, [&](const Trust &trust) { consider(read, token, trust, choice); });
  if (choice.several)
    result.refused = "Its user belongs to several organizations: choose one by \"tenancy.organization\"";
  else if (result.is_trusted && !result.organization)
    result.refused = choice.problem;
  return result;
}

TokenPerson read_token_person(const CatalogRead &read, const SignedToken &token) {
  TokenPerson person{};
  for_each_trust(read, token, [&](const Trust &trust) {
    UserTokenClaims claims;
    if (trust.organization ||
        read_user_token(token.payload, trust.claims, statement_time() + unix_epoch, claims) != nullptr)
      return;
    Uuid user;
    const char *problem = identify(read, trust, claims, user);
    if (problem == nullptr) problem = check_user(read, user, issue_of(claims));
    const char *address = address_of(claims);
    if (problem != nullptr) {
      // Not identified: somebody new, who has proved an address that nobody has yet.
      if (user || address == nullptr || user_with_address(read, address)) return;
    }
    person = {true, user, user ? nullptr : address, trust.id, copy(claims.identity)};
  });
  return person;
}

}  // namespace tenancy::pg
