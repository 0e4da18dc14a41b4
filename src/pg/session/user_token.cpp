#include "pg/session/user_token.hpp"

#include <algorithm>

#include "core/access/delegation.hpp"
#include "core/access/email_address.hpp"
#include "core/credential/token_claims.hpp"
#include "core/credential/user_token.hpp"
#include "pg/catalog/elevations.hpp"
#include "pg/catalog/ended_tokens.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/json_reader.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/taken_rights.hpp"
#include "pg/session/token.hpp"

namespace tenancy::pg {
namespace {

constexpr int64 unix_epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

struct Trust {
  Uuid id;
  Uuid organization;  // nil: a DBA's, for all organizations
  IssuerTrust claims;
  bool scopes_required;
  const char *groups_claim;  // nullptr: none
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
  trust.groups_claim = text_column(scan, tuple, of::groups_claim);
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

// An organization can sign any token that it trusts, and must not learn from the answer who is a user
// elsewhere. So nothing is read of somebody who is no member before this is known, and to its trust such a
// person is nobody.
bool is_known_to(const CatalogRead &read, const Trust &trust, const Uuid &user) {
  return !trust.organization || read_membership(read, trust.organization, user).role;
}

Uuid user_with_address(const CatalogRead &read, const char *address) {
  ScanKeyData key;
  equals(&key, attribute::users::email, F_TEXTEQ, CStringGetTextDatum(address));
  return first_user(read, CatalogIndex::users_email_key, 1, &key, attribute::users::user_id);
}

constexpr const char *issued_before = "It was issued before tokens of its user were ended";

TimestampTz issue_of(const UserTokenClaims &claims) { return claims.issued_at * USECS_PER_SEC - unix_epoch; }

// The end is a moment of this server's clock, and the issue one of the issuer's, which may be ahead.
bool may_precede(TimestampTz issued_at, TimestampTz end) {
  return issued_at - clock_skew_seconds * USECS_PER_SEC < end;
}

// Whether the trust has unlinked the subject since: from whomever, it is nobody's token any more. What others
// that trust the issuer say of the subject is nothing to it, and it must not learn that they do.
bool was_unlinked(const CatalogRead &read, const Trust &trust, const UserTokenClaims &claims) {
  return !claims.identity.empty() && is_database_text(claims.identity) &&
         may_precede(issue_of(claims), read_end_of_subject(read, text_datum(trust.claims.issuer),
                                                           text_datum(claims.identity), trust.organization));
}

// Whether a user has given the address up since: it says nothing of who has it now, if anybody.
bool was_given_up(const CatalogRead &read, const char *address, const UserTokenClaims &claims) {
  return may_precede(issue_of(claims), read_end_of_address(read, address));
}

struct Identified {
  Uuid user;
  Uuid linked_by;       // nil: a DBA, or the user itself
  const char *problem;  // nullptr: none
  bool has_address;     // it is of no user, and its address is of one that is known to the trust
};

Identified identify(const CatalogRead &read, const Trust &trust, const UserTokenClaims &claims) {
  Identified result{};
  ScanKeyData keys[2];
  if (!claims.identity.empty() && is_database_text(claims.identity)) {
    equals(&keys[0], attribute::identities::trust_id, trust.id);
    equals(&keys[1], attribute::identities::subject, F_TEXTEQ, text_datum(claims.identity));
    CatalogScan scan = begin_scan(read, CatalogIndex::identities_pkey, 2, keys);
    if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple)) {
      result.user = uuid_column(scan, tuple, attribute::identities::user_id);
      result.linked_by = uuid_column(scan, tuple, attribute::identities::linked_by);
    }
    end_scan(scan);
  }
  const bool by_address = trust.claims.subject == SubjectClaim::email;
  const char *const nobody = trust.organization
                                 ? (by_address ? "No member of the organization has its e-mail address"
                                               : "Its subject is linked to no member of the organization")
                             : by_address ? "Nobody has its e-mail address"
                                          : "Its subject is linked to no user";
  if (result.user) return is_known_to(read, trust, result.user) ? result : Identified{{}, {}, nobody, false};
  if (!by_address) return {{}, {}, nobody, false};
  const char *address = address_of(claims);
  if (address == nullptr) return {{}, {}, "It has no e-mail address that its issuer has verified", false};
  result.user = user_with_address(read, address);
  const bool is_known = is_known_to(read, trust, result.user);  // also of nobody: it takes as long
  if (!result.user || !is_known) return {{}, {}, nobody, false};
  // Addresses are given to others in time; a subject is not.
  if (was_given_up(read, address, claims))
    return {{}, {}, "It was issued before its e-mail address changed hands", true};
  equals(&keys[0], attribute::identities::user_id, result.user);
  equals(&keys[1], attribute::identities::trust_id, trust.id);
  if (first_user(read, CatalogIndex::identities_user_idx, 2, keys, attribute::identities::user_id))
    return {{}, {}, "The user with its e-mail address is linked to another subject", true};
  return result;
}

bool has_ended(const CatalogRead &read, const Uuid &organization, const Uuid &user, TimestampTz issued_at) {
  return may_precede(issued_at, read_end_of_user(read, organization, user));
}

// The person that a token is of, by one trust.
struct Holder {
  UserTokenClaims claims;
  Identified identified;
  const char *problem;  // nullptr: none
  bool may_be_told;
};

// Anybody can get a genuine token of a public issuer, made for an application of their own. Only people that
// are known to an organization may learn that it trusts the issuer, and for which audience. A DBA's trust is
// no secret.
Holder read_holder(const CatalogRead &read, const SignedToken &token, const Trust &trust) {
  Holder holder{};
  holder.problem = read_user_token(token.payload, trust.claims, statement_time() + unix_epoch, holder.claims);
  holder.identified = identify(read, trust, holder.claims);
  if (holder.problem == nullptr) holder.problem = holder.identified.problem;
  if (holder.problem == nullptr && was_unlinked(read, trust, holder.claims)) holder.problem = issued_before;
  holder.may_be_told = !trust.organization || holder.identified.user || holder.identified.has_address;
  return holder;
}

// The maker of a link may be behind the subject: the link is worth no more than what its maker could give
// now. Notifies the session when that changes.
const char *check_link(const CatalogRead &read, const Uuid &organization, const Uuid &user,
                       const Uuid &linked_by, TimestampTz &until) {
  until = DT_NOEND;
  if (!linked_by || linked_by == user) return nullptr;
  check_taken_rights(organization, linked_by);
  subscribe(read.start, Audience::user, linked_by);
  const bool active = read_user(read, linked_by).active;
  const UserFactsRead maker = active ? read_user_facts(read, organization, linked_by) : UserFactsRead{};
  UserFactsRead users = read_user_facts(read, organization, user);
  if (users.is_member) users.facts = with_takable_roles(read, users.facts, user);
  PermissionSet linking;
  linking.add(permission_id("team", "add_users"));
  if (maker.is_member) until = maker.facts.until;
  bool lacks = true;
  if (maker.is_member && users.is_member)
    run_core([&] {
      lacks = shortfall_of_identity(Access::of_user(maker.facts), Access::of_user(users.facts), linking,
                                    permission_classes().off_by_default)
                  .any();
    });
  return lacks ? "Whoever has linked its subject may no longer say that it is this user" : nullptr;
}

const char *check_user(const CatalogRead &read, const Uuid &user, TimestampTz issued_at) {
  const UserRead status = read_user(read, user);
  if (!status.exists || !status.active) return "Its user is not active";
  return has_ended(read, {}, user, issued_at) ? issued_before : nullptr;
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

// The groups that the token names. None where there are too many for a token (Microsoft Entra names a place
// for them instead), or more than anybody has: never those of an earlier token.
std::span<const Uuid> read_groups(const CatalogRead &read, const SignedToken &token, const Trust &trust,
                                  const Uuid &organization) {
  constexpr size_t most_groups = 1000;
  if (trust.groups_claim == nullptr) return {};
  const JsonValue claim = token.payload[trust.groups_claim];
  if (claim.kind != JsonValue::Kind::texts || claim.texts.size() > most_groups ||
      token.payload["_claim_names"].is_given() || token.payload["hasgroups"].is_given())
    return {};
  PodArray<Uuid> groups;
  for (const std::string_view name : claim.texts) {
    if (!is_database_text(name)) continue;
    if (const Uuid group = find_token_group(read, organization, trust.id, text_datum(name)); group)
      groups.append(group);
  }
  return groups.span();
}

struct Narrowing {
  bool to_scopes;
  PermissionSet scopes;
  bool any;  // to these, or to a workspace: it is less than its user
};

Narrowing read_narrowing(const Trust &trust, const UserTokenClaims &claims) {
  const RegisteredScopes scopes = registered_scopes(claims.scopes);
  const bool to_scopes = trust.scopes_required || scopes.any;
  return {to_scopes, scopes.permissions, to_scopes || !claims.workspace.empty()};
}

// A token by the trusts of one kind: the one organization in which it counts, or why in none.
struct Choice {
  UserTokenRead result;
  const char *problem;
  bool several;
};

void consider(const CatalogRead &read, const SignedToken &token, const Trust &trust, const Holder &holder,
              Choice &choice) {
  const UserTokenClaims &claims = holder.claims;
  const Uuid &user = holder.identified.user;
  choice.problem = holder.problem;
  if (choice.problem == nullptr) choice.problem = check_user(read, user, issue_of(claims));
  if (choice.problem != nullptr) return;
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
      choice.problem = issued_before;
      continue;
    }
    TimestampTz link_until = DT_NOEND;
    if (const char *problem = check_link(read, organization, user, holder.identified.linked_by, link_until);
        problem != nullptr) {
      choice.problem = problem;
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
    if (result.organization && (result.organization != organization || result.user != user))
      choice.several = true;
    const Narrowing narrowing = read_narrowing(trust, claims);
    result.organization = organization;
    result.user = user;
    result.workspace = workspace;
    result.scopes = narrowing.scopes;
    result.narrowed = result.narrowed || narrowing.to_scopes;
    result.not_after = Min((claims.expires_at + clock_skew_seconds) * USECS_PER_SEC - unix_epoch, link_until);
    result.subject = copy(claims.identity);
    result.groups = read_groups(read, token, trust, organization);
  }
}

bool counts_here(const CatalogRead &read, const Trust &trust) {
  return !trust.organization ||
         (*configuration.organization != '\0' &&
          names_organization(read, configuration.organization, trust.organization, Ambiguous::is_none));
}

}  // namespace

// An organization can trust any public issuer, also that of another organization's services, and say of any
// subject that it is a member of its own. So that it cannot get in the way of others, its trust counts for
// sessions only that have chosen the organization, and behind that of a DBA.
UserTokenRead read_user_token(const CatalogRead &read, const SignedToken &token) {
  constexpr const char *elsewhere =
      "Its issuer is trusted by an organization: choose that by \"tenancy.organization\"";
  Choice of_dba{}, of_organization{};
  bool is_trusted = false;
  const char *untold = nullptr;
  PodArray<Trust> others;
  for_each_trust(read, token, [&](const Trust &trust) {
    if (!counts_here(read, trust)) {
      others.append(trust);
      return;
    }
    const Holder holder = read_holder(read, token, trust);
    if (holder.may_be_told) {
      is_trusted = true;
      consider(read, token, trust, holder, trust.organization ? of_organization : of_dba);
    } else {
      untold = holder.problem;
    }
  });
  // Nobody who is unknown to all learns by the time it takes which one the session has chosen.
  const bool is_known_elsewhere = !is_trusted && std::ranges::any_of(others.span(), [&](const Trust &trust) {
    return read_holder(read, token, trust).may_be_told;
  });
  if (untold == nullptr && !others.span().empty()) untold = elsewhere;
  const bool by_dba =
      of_dba.result.organization || (of_dba.problem != nullptr && !of_organization.result.organization);
  Choice &choice = by_dba ? of_dba : of_organization;
  choice.result.is_trusted = is_trusted;
  choice.result.untold = untold;
  choice.result.undecided = choice.several || is_known_elsewhere;
  if (choice.several)
    choice.result.refused =
        "Its user belongs to several organizations: choose one by \"tenancy.organization\"";
  else if (is_trusted && !choice.result.organization)
    choice.result.refused = choice.problem;
  else if (is_known_elsewhere)
    choice.result.refused = elsewhere;
  return choice.result;
}

bool is_signed_for_users(const CatalogRead &read, const SignedToken &token, const Uuid &organization) {
  Verified verified{};
  bool is_signed = false;
  for (const Uuid &trusting : {Uuid{}, organization}) {
    ScanKeyData key;
    if (trusting)
      equals(&key, attribute::trusted_issuers::organization_id, trusting);
    else
      is_null(&key, attribute::trusted_issuers::organization_id);
    CatalogScan scan = begin_scan(read, CatalogIndex::trusted_issuers_organization_idx, 1, &key);
    for (HeapTuple tuple; !is_signed && HeapTupleIsValid(tuple = next_tuple(scan));)
      is_signed = is_signed_for(read, token, uuid_column(scan, tuple, attribute::trusted_issuers::trust_id),
                                verified);
    end_scan(scan);
  }
  return is_signed;
}

TokenPerson read_token_person(const CatalogRead &read, const SignedToken &token) {
  TokenPerson person{};
  for_each_trust(read, token, [&](const Trust &trust) {
    UserTokenClaims claims;
    if (trust.organization ||
        read_user_token(token.payload, trust.claims, statement_time() + unix_epoch, claims) != nullptr ||
        read_narrowing(trust, claims).any || was_unlinked(read, trust, claims))
      return;
    const Identified identified = identify(read, trust, claims);
    const Uuid &user = identified.user;
    const char *problem = identified.problem;
    if (problem == nullptr) problem = check_user(read, user, issue_of(claims));
    const char *address = address_of(claims);
    if (problem != nullptr) {
      // Not identified: somebody new, who has proved an address that nobody has yet.
      if (user || address == nullptr || user_with_address(read, address) ||
          was_given_up(read, address, claims))
        return;
    }
    person = {true, user, user ? nullptr : address, trust.id, copy(claims.identity), claims};
  });
  return person;
}

bool is_somebody_else_here(const CatalogRead &read, const SignedToken &token, const Uuid &user) {
  bool is_another = false;
  for_each_trust(read, token, [&](const Trust &trust) {
    if (!trust.organization || !counts_here(read, trust)) return;
    const Uuid here = read_holder(read, token, trust).identified.user;
    if (here && here != user) is_another = true;
  });
  return is_another;
}

const char *problem_of_person_in(const CatalogRead &read, const TokenPerson &person,
                                 const Uuid &organization) {
  const TimestampTz issued_at = issue_of(person.claims);
  if (organization) {
    if (!agree(read, person.claims, organization)) return "It names another organization";
    return person.user && has_ended(read, organization, person.user, issued_at) ? issued_before : nullptr;
  }
  // All of its organizations see what a person changes of itself.
  for (const OrganizationMembership &membership : read_organizations_of_user(read, person.user))
    if (has_ended(read, membership.organization, person.user, issued_at)) return issued_before;
  return nullptr;
}

}  // namespace tenancy::pg
