#include "pg/session/principal.hpp"

#include <algorithm>

#include "pg/catalog/claimed_catalog.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/key_facts.hpp"
#include "pg/catalog/login_binding.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/server/quotable.hpp"
#include "pg/server/refused.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/claims.hpp"
#include "pg/session/denials.hpp"
#include "pg/session/key_use.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/presented_key.hpp"
#include "pg/session/principal_cache.hpp"
#include "pg/session/refusals.hpp"
#include "pg/session/seal_and_lifetime.hpp"
#include "pg/session/simulation.hpp"
#include "pg/session/taken_rights.hpp"
#include "pg/session/token.hpp"
#include "pg/session/user_token.hpp"

namespace tenancy::pg {

namespace {

struct {
  Principal *principal;  // one of principal_cache.cpp's
  SessionToken token;
  ParameterToken parameters;
  Oid session_user;
} current{};

// A list of ids for the principal's lifetime.
std::span<const Uuid> kept(const Principal &principal, std::span<const Uuid> ids) {
  if (ids.empty()) return {};
  auto *copy = static_cast<Uuid *>(MemoryContextAllocHuge(principal.context, ids.size_bytes()));
  std::copy(ids.begin(), ids.end(), copy);
  return {copy, ids.size()};
}

bool is_given(const char *parameter) { return *parameter != '\0'; }

const char *as_sentence(const char *reason) {
  char *sentence = pstrdup(reason);
  *sentence = static_cast<char>(pg_toupper(static_cast<unsigned char>(*sentence)));
  return sentence;
}

// The parameters tenancy.organization and tenancy.workspace, which choose and narrow and never widen.
void check_organization_setting(const CatalogRead &read, const Uuid &organization) {
  if (is_given(configuration.organization) &&
      !names_organization(read, configuration.organization, organization))
    ereport(ERROR, (refused(Refused::contradiction),
                    errmsg("setting \"tenancy.organization\" contradicts the session's credential")));
}

Uuid workspace_setting(const CatalogRead &read, const Uuid &organization, const Access &access) {
  if (!is_given(configuration.workspace)) return {};
  const Uuid workspace = find_workspace(read, configuration.workspace, organization);
  if (!workspace) {
    const char *nearest = nearest_workspace(read, access, configuration.workspace);
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("workspace \"%s\" does not exist", quotable(configuration.workspace)),
                    errdetail("The session's organization has no such workspace."),
                    nearest == nullptr ? 0 : errhint("Perhaps you meant \"%s\".", nearest)));
  }
  return workspace;
}

// One error for whatever isn't that workspace, whether it exists or not.
[[noreturn]] void raise_confined(const CatalogRead &read, const Uuid &confined) {
  const char *own = read_display_name(read, Entity::workspace, confined);
  ereport(ERROR, (refused(Refused::contradiction),
                  errmsg("setting \"tenancy.workspace\" contradicts the session's credential"),
                  errdetail("The credential is confined to one workspace."),
                  own == nullptr ? errhint("Reset the setting.")
                                 : errhint("Reset the setting, or set it to \"%s\".", own)));
  pg_unreachable();
}

// The credential is confined to a workspace (unless nil), and the parameter may only name the same. `access`:
// as far as the credential's limits leave it, since a hint names workspaces.
Uuid narrowed_workspace(const CatalogRead &read, const Uuid &organization, const Uuid &confined,
                        const Access &access) {
  if (!confined) return workspace_setting(read, organization, access);
  if (is_given(configuration.workspace) &&
      find_workspace(read, configuration.workspace, organization, Ambiguous::is_none) != confined)
    raise_confined(read, confined);
  return confined;
}

void resolve_api_key(const CatalogRead &read, Principal &principal, Access &access) {
  const ApiKeyRead key = read_presented_key(read);
  if (!key.usable)
    refuse_api_key(key.reason, "The key is older than its organization allows.",
                   "Rotate it, for example by tenancy.rotate_own_api_key().");
  principal.source = PrincipalSource::api_key;
  principal.organization = key.facts.organization;
  principal.api_key = key.id;
  principal.user = key.user;
  principal.not_after = key.not_after;
  principal.ends_at = key.ends_at;
  principal.note_use_at = DT_NOBEGIN;
  UserFactsRead user{};
  switch (key.facts.kind) {
    case KeyKind::organization_service_key:
      principal.kind = PrincipalKind::organization_service_key;
      break;
    case KeyKind::workspace_service_key:
      principal.kind = PrincipalKind::workspace_service_key;
      break;
    case KeyKind::workspace_user_key:
      principal.kind = PrincipalKind::workspace_user_key;
      // Of its user's workspaces the key's own counts alone.
      if (!read_user(read, key.user).active)
        refuse_api_key("its user is not active", "The user of the key is not active.");
      if (const OrganizationMembership membership = read_membership(read, key.facts.organization, key.user);
          membership.role) {
        user = {true, read_member_facts(read, membership, key.user, key.facts.workspace)};
        principal.rights_until = Min(membership.until, user.facts.until);
      }
      break;
  }
  check_organization_setting(read, principal.organization);
  run_core([&] { access = Access::of_key(key.facts, user.is_member ? &user.facts : nullptr); });
  principal.workspace = narrowed_workspace(read, principal.organization, key.facts.workspace, access);
  if (principal.kind == PrincipalKind::workspace_user_key && access.entries().empty())
    refuse_api_key("its user has no role in its workspace",
                   "The user of the key has no role in its workspace.");
  warn_of_rotation(key);
}

// The user's active organization: nil for none, or no choice; with a nil role, membership is not known yet.
OrganizationMembership choose_organization(const CatalogRead &read, const Uuid &user, Principal &principal) {
  principal.undecided = false;
  if (is_given(configuration.organization)) {
    // Usually there is one with this name; otherwise the user's own organizations count, and others make no
    // difference.
    const Uuid chosen = find_organization(read, configuration.organization, Ambiguous::is_none);
    if (chosen) return {chosen, {}, DT_NOEND, true};
    OrganizationMembership own{};
    for (const OrganizationMembership &membership : read_organizations_of_user(read, user)) {
      if (!names_organization(read, configuration.organization, membership.organization)) continue;
      if (own.organization)
        ereport(
            ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("organization reference \"%s\" is ambiguous", quotable(configuration.organization)),
             errdetail("It refers to several organizations of the session's user."), errhint("Use the id.")));
      own = membership;
    }
    if (!own.organization) refuse_user("the chosen organization does not exist");
    return own;
  }
  return read_only_organization(read, user, principal.undecided, principal.rights_until);
}

void resolve_user(const CatalogRead &read, Principal &principal, Access &access, const UserFound &found,
                  const OrganizationMembership &chosen) {
  if (!found.active) refuse_user("it is not active");
  const Uuid &user = found.id;
  const Uuid &organization = chosen.organization;
  const OrganizationMembership membership = chosen.role ? chosen : read_membership(read, organization, user);
  if (!membership.role) refuse_user("it is not a member of the organization");
  const UserFacts facts = read_member_facts(read, membership, user, {}, {principal.token_groups, true});
  principal.elevated = facts.elevated;
  principal.rights_until = Min(membership.until, facts.until);
  principal.kind = PrincipalKind::user;
  principal.organization = organization;
  principal.user = user;
  run_core([&] { access = Access::of_user(facts); });
  if (!facts.elevated) return;
  // A gift would outlast the elevation.
  const UserFacts lasting = read_member_facts(read, membership, user, {}, {principal.token_groups, false});
  auto *delegable = make_in_context<Access>(principal.context);
  run_core([&] { *delegable = Access::of_user(lasting); });
  principal.delegable = delegable;
}

// Limits of the session's rights are those of its gifts, too.
template <typename Confine>
void confine(Principal &principal, Access &access, const Confine &confined) {
  run_core([&] { access = confined(access); });
  if (principal.delegable == nullptr) return;
  auto *delegable = make_in_context<Access>(principal.context);
  run_core([&] { *delegable = confined(*principal.delegable); });
  principal.delegable = delegable;
}

[[noreturn]] void refuse_token_of_user(const UserTokenRead &token) {
  refuse_token(token.refused, token.refused, token.undecided ? Refused::organization : Refused::credential);
}

// A token of an issuer that is trusted for users: it stands for one in an organization, as a login would.
void resolve_token_of_user(const CatalogRead &read, const UserTokenRead &token, Principal &principal,
                           Access &access) {
  if (token.refused != nullptr) refuse_token_of_user(token);
  principal.source = PrincipalSource::jwt;
  principal.not_after = token.not_after;
  principal.token_subject = MemoryContextStrdup(principal.context, token.subject);
  principal.token_groups = kept(principal, token.groups);
  resolve_user(read, principal, access, {token.user, true}, {token.organization, {}, DT_NOEND, true});
  principal.narrowed = token.narrowed || token.workspace;
  if (token.narrowed)
    confine(principal, access, [&](const Access &whole) { return whole.limited_to(token.scopes); });
  principal.workspace = narrowed_workspace(read, principal.organization, token.workspace, access);
}

void resolve_token(const CatalogRead &read, Principal &principal, Access &access) {
  const SignedToken given = take_apart(configuration.jwt);
  const UserTokenRead of_user = read_user_token(read, given);
  if (of_user.is_trusted) {
    resolve_token_of_user(read, of_user, principal, access);
    return;
  }
  const TokenRead token = read_token(read, given);
  if (token.refused != nullptr) {
    if (of_user.refused != nullptr) refuse_token_of_user(of_user);
    if (token.is_signed) refuse_token(token.refused, as_sentence(token.refused));
    refuse_token(of_user.untold != nullptr ? of_user.untold : token.refused);
  }

  principal.kind = PrincipalKind::jwt;
  principal.source = PrincipalSource::jwt;
  principal.organization = token.facts.organization;
  principal.not_after = token.not_after;
  if (token.subject != nullptr)
    principal.token_subject = MemoryContextStrdup(principal.context, token.subject);
  check_organization_setting(read, principal.organization);
  run_core([&] { access = Access::of_key(token.facts, nullptr); });
  principal.workspace = narrowed_workspace(read, principal.organization, token.facts.workspace, access);
}

void check_one_credential() {
  const PrincipalTexts texts = principal_texts();
  const char *first = nullptr;
  for (const PrincipalParameter parameter : credential_parameters) {
    if (!is_given(texts[parameter])) continue;
    if (first != nullptr)
      ereport(ERROR, (refused(Refused::contradiction), errmsg("the session gives more than one credential"),
                      errdetail("Both \"%s\" and \"%s\" are set.", first, name_of(parameter)),
                      errhint("Reset one of them.")));
    first = name_of(parameter);
  }
}

void resolve(const CatalogRead &read, Principal &principal, Access &access) {
  principal.not_after = principal.ends_at = principal.rights_until = principal.note_use_at = DT_NOEND;
  if (is_suspended()) return;
  if (is_claimed()) {
    resolve_claim(principal, access);
    return;
  }
  check_one_credential();
  if (is_given(configuration.api_key)) {
    resolve_api_key(read, principal, access);
  } else if (is_given(configuration.jwt)) {
    resolve_token(read, principal, access);
  } else if (is_given(configuration.user)) {
    if (!is_simulation() && !read_login_binding(read, GetSessionUserId()).trusted) {
      record_denial(Counter::denied_user, configuration.user, "the login is not trusted");
      ereport(ERROR,
              (refused(Refused::login), errmsg("setting \"tenancy.user\" is honored on trusted logins only"),
               errhint("A DBA can trust this login by tenancy.trust_login().")));
    }
    const UserFound user = find_user_row(read, configuration.user);
    if (!user.id) refuse_user("it does not exist");
    const OrganizationMembership membership = choose_organization(read, user.id, principal);
    if (principal.undecided) {
      principal.undecided_user = user.id;
      subscribe(read.start, Audience::user, user.id);
      return;
    }
    if (!membership.organization) refuse_user("it is not a member of any organization");
    principal.source = PrincipalSource::user_setting;
    resolve_user(read, principal, access, user, membership);
    principal.workspace = narrowed_workspace(read, principal.organization, {}, access);
  } else {
    const LoginBinding binding = read_login_binding(read, GetSessionUserId());
    if (!binding.user) return;
    // A login acts in one organization: where none is stored, nobody chooses.
    const OrganizationMembership membership =
        binding.organization
            ? OrganizationMembership{binding.organization, {}, DT_NOEND, true}
            : read_only_organization(read, binding.user, principal.undecided, principal.rights_until);
    if (!membership.organization) {
      // Not a member yet, or of several: invalidate when the user joins or leaves an organization.
      principal.undecided_user = binding.user;
      subscribe(read.start, Audience::user, binding.user);
      return;
    }
    check_organization_setting(read, membership.organization);
    principal.source = PrincipalSource::login;
    const UserRead status = read_user(read, binding.user);
    if (!status.exists) refuse_user("it does not exist");
    resolve_user(read, principal, access, {binding.user, status.active}, membership);
    principal.narrowed = static_cast<bool>(binding.workspace);
    principal.workspace = narrowed_workspace(read, principal.organization, binding.workspace, access);
  }
  if (principal.workspace)
    confine(principal, access, [&](const Access &whole) { return whole.narrowed_to(principal.workspace); });
  server_fault_point();
}

// Everything that resolving uses and returns is in one memory context. An ERROR frees it with the caller's.
Principal *resolve_in_new_context() {
  // One block, large enough for all but long lists.
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "tenancy principal", ALLOCSET_SMALL_MINSIZE,
                            2 * ALLOCSET_SMALL_INITSIZE, ALLOCSET_SMALL_MAXSIZE);
  const MemoryContext reading =
      AllocSetContextCreate(context, "tenancy catalog reading", ALLOCSET_SMALL_SIZES);
  auto *principal = static_cast<Principal *>(MemoryContextAllocZero(context, sizeof(Principal)));
  auto *access = make_in_context<Access>(context);
  principal->context = context;
  principal->access = access;

  const MemoryContext caller = MemoryContextSwitchTo(reading);
  CatalogRead read = begin_catalog_read();
  principal->token = read.start.token;
  resolve(read, *principal, *access);
  if (principal->delegable == nullptr) principal->delegable = access;
  principal->ends_at = principal->source == PrincipalSource::api_key && !is_claimed() ? principal->ends_at
                                                                                      : principal->not_after;
  principal->valid_until = Min(principal->not_after, principal->rights_until);
  if (principal->organization) subscribe(read.start, Audience::organization, principal->organization);
  if (principal->user) subscribe(read.start, Audience::user, principal->user);
  end_catalog_read(read);
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(reading);
  return principal;
}

// Once a minute of the session.
void note_use(Principal &principal) {
  const TimestampTz now = statement_time();
  if (principal.note_use_at > now) return;
  principal.note_use_at = now + USECS_PER_MINUTE;
  note_key_use(principal.api_key);
}

// Not of the principal afresh: callers may have a reference to this one.
const ClaimedCatalog *catalog_of_claim() {
  if (current.principal == nullptr || !current.parameters.valid()) current_principal_or_undecided();
  return current.principal->claimed;
}

}  // namespace

Principal *current_principal_or_undecided() {
  AcceptInvalidationMessages();
  check_seal();
  if (current.principal != nullptr && current.token.valid() && current.session_user == GetSessionUserId()) {
    // Compared with the time at every use: an expired key is resolved again, and refused; ended rights are
    // computed anew, and no plan made for more of them stays.
    if (current.principal->valid_until > statement_time()) {
      count(Counter::cache_hits);
      note_use(*current.principal);
      return current.principal;
    }
    if (current.principal->rights_until <= statement_time()) catalogs_changed();
  }
  current.principal = nullptr;
  read_clock();
  if (!is_claimed() && !is_suspended()) check_claims_required();
  // If a notification arrives during the read, the result is stale: the next use reads again.
  const SessionToken token = SessionToken::now();
  const ParameterToken parameters = ParameterToken::now();
  const IdentityKey identity = identity_key();
  Principal *principal = cached_principal(identity);
  count(principal == nullptr ? Counter::resolutions : Counter::cache_hits);
  if (principal == nullptr) {
    principal = resolve_in_new_context();
    server_fault_point();
    cache_principal(identity, principal);
  }
  check_taken_rights(*principal);
  check_sealed(*principal);
  if (principal->valid_until != DT_NOEND) watch_clock();
  current.principal = principal;
  current.token = token;
  current.parameters = parameters;
  current.session_user = GetSessionUserId();
  note_use(*principal);
  return principal;
}

const Principal *known_principal() {
  return current.principal != nullptr && current.token.valid() && current.session_user == GetSessionUserId()
             ? current.principal
             : nullptr;
}

bool has_credential_ended() {
  const Principal *principal = known_principal();
  if (principal == nullptr) principal = current_principal_or_undecided();
  return principal->not_after <= statement_time();
}

Uuid presented_api_key() {
  if (is_suspended() || is_claimed() || !is_given(configuration.api_key))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the session uses no API key"),
                    errhint("Set \"tenancy.api_key\".")));
  check_seal();
  check_one_credential();
  CatalogRead read = begin_catalog_read();
  const Uuid id = read_presented_key(read).id;
  end_catalog_read(read);
  return id;
}

void register_claims() { find_claimed_catalog_by(catalog_of_claim); }

bool is_user_itself(const Principal &principal) {
  return principal.kind == PrincipalKind::user && !principal.narrowed && principal.claimed == nullptr;
}

void check_decided(const Principal &principal) {
  if (principal.undecided)
    ereport(ERROR,
            (refused(Refused::organization), errmsg("the session's user belongs to several organizations"),
             errhint("%s", is_given(configuration.user)
                               ? "Choose one by the setting \"tenancy.organization\"."
                               : "A DBA can bind the login to one by tenancy.bind_login().")));
}

Principal *current_principal() {
  Principal *principal = current_principal_or_undecided();
  check_decided(*principal);
  return principal;
}

const char *hint_for_nobody() {
  bool is_trusted = false;
  if (!is_claimed()) {
    CatalogRead read = begin_catalog_read();
    is_trusted = read_login_binding(read, GetSessionUserId()).trusted;
    end_catalog_read(read);
  }
  return is_trusted ? "Set \"tenancy.user\", \"tenancy.api_key\" or \"tenancy.jwt\"."
                    : "Set \"tenancy.api_key\" or \"tenancy.jwt\", or use a login that is bound to a user.";
}

void check_anonymous_access(const Principal &principal) {
  if (principal.kind != PrincipalKind::anonymous || configuration.anonymous_access != AnonymousAccess::error)
    return;
  record_denial(Counter::denied_anonymous, nullptr, "the session has no principal");
  ereport(ERROR, (refused(Refused::no_principal), errmsg("the session has no principal"),
                  errhint("%s", hint_for_nobody())));
}

std::span<const Uuid> workspaces_of(Principal &principal) {
  if (!principal.workspaces_known) {
    if (principal.claimed != nullptr)
      ereport(
          ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
           errmsg("the organization has too many workspaces for a claim"),
           errdetail("Claims list %zu workspaces at the most.", claimed_workspaces),
           errhint("Narrow the session to one by \"tenancy.workspace\" on the node that sends the claim.")));
    CatalogRead read = begin_catalog_read();
    subscribe(IdList::workspaces);
    principal.workspaces = kept(principal, read_workspaces(read, principal.organization));
    principal.workspaces_known = true;
    end_catalog_read(read);
  }
  return principal.workspaces;
}

std::span<const Uuid> user_keys_of(Principal &principal) {
  if (!principal.user_keys_known) {
    CatalogRead read = begin_catalog_read();
    subscribe(IdList::user_keys);
    principal.user_keys = kept(principal, read_keys_of_user(read, principal.organization, principal.user));
    principal.user_keys_known = true;
    end_catalog_read(read);
  }
  return principal.user_keys;
}

const Rights &rights_in(Principal &principal, const Uuid &workspace) {
  const Access &access = *principal.access;
  if (access.reaches_every_workspace()) {
    const auto workspaces = workspaces_of(principal);
    if (!std::binary_search(workspaces.begin(), workspaces.end(), workspace)) return no_rights;
  }
  return access.in_workspace(workspace);
}

Rows authorized(Principal &principal, const PermissionSet &any_of, const Uuid &workspace) {
  const Access &access = *principal.access;
  if (!workspace) return access.anywhere(any_of);
  const Rows itself = access.on_organization_itself().rows(any_of);
  return itself == Rows::all ? itself : std::max(itself, rights_in(principal, workspace).rows(any_of));
}

}  // namespace tenancy::pg
