#include "pg/session/own_identity.hpp"

#include "core/access/email_address.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/login_binding.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/refused.hpp"
#include "pg/session/claims.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/simulation.hpp"
#include "pg/session/user_token.hpp"

namespace tenancy::pg {
namespace {

bool is_given(const char *parameter) { return *parameter != '\0'; }

[[noreturn]] void refuse(Refused reason, const char *message, const char *hint) {
  ereport(ERROR, (refused(reason), errmsg("%s", message), hint == nullptr ? 0 : errhint("%s", hint)));
  pg_unreachable();
}

char *in_utf8(const char *text) { return pg_server_to_any(text, static_cast<int>(strlen(text)), PG_UTF8); }

// The address of a person that an application has authenticated need not belong to a user yet.
bool may_be_new(const char *reference) {
  const char *utf8 = in_utf8(reference);
  return fault_of_address({utf8, strlen(utf8)}) == AddressFault::none;
}

// An organization that the session has chosen can say of the same subject that it is somebody else. That one
// is the actor of audit entries, or becomes it as the person leaves or ends a link: so the session decides
// nothing.
void read_person_of_token(const CatalogRead &read, OwnIdentity &own) {
  const SignedToken token = take_apart(configuration.jwt);
  const TokenPerson person = read_token_person(read, token);
  if (!person.is_person || is_somebody_else_here(read, token, person.user)) return;
  own = {IdentitySource::person, person.user,
         person.user ? read_display_name(read, Entity::user, person.user) : person.email, person.trust,
         person.subject};
}

}  // namespace

OwnIdentity read_own_identity(const CatalogRead &read) {
  OwnIdentity own{};
  if (is_suspended()) return own;
  if (is_claimed()) {
    own.source = IdentitySource::credential;
    return own;
  }
  check_claims_required();
  if (is_given(configuration.api_key) || is_given(configuration.jwt)) {
    own.source = IdentitySource::credential;
    if (is_given(configuration.jwt) && !is_given(configuration.api_key)) read_person_of_token(read, own);
    return own;
  }
  const LoginBinding binding = read_login_binding(read, GetSessionUserId());
  if (is_given(configuration.user)) {
    if (!binding.trusted && !is_simulation())
      refuse(Refused::login, "setting \"tenancy.user\" is honored on trusted logins only",
             "A DBA can trust this login by tenancy.trust_login().");
    own.user = find_user(read, configuration.user);
    if (!own.user && may_be_new(configuration.user)) {
      own.source = IdentitySource::person;
      own.email = asc_tolower(configuration.user, strlen(configuration.user));
      return own;
    }
  } else {
    own.user = binding.user;
    if (!own.user) return own;
    // Less than its user, as a token that names a workspace is
    if (binding.workspace) {
      own.source = IdentitySource::credential;
      own.user = {};
      return own;
    }
  }
  if (!own.user || !read_user(read, own.user).active)
    refuse(Refused::user, "the session's user does not exist, or is not active", nullptr);
  own.source = IdentitySource::person;
  own.email = read_display_name(read, Entity::user, own.user);
  return own;
}

const char *problem_of_token_in(const CatalogRead &read, const Uuid &organization) {
  if (is_suspended() || !is_given(configuration.jwt)) return nullptr;
  const TokenPerson person = read_token_person(read, take_apart(configuration.jwt));
  return person.is_person ? problem_of_person_in(read, person, organization)
                          : "It does not speak for a person";
}

}  // namespace tenancy::pg
