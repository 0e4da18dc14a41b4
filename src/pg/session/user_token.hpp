// Tokens of issuers that are trusted for users: whose they are, and in which organization they count. Reading
// one writes nothing, so that it means the same in planning, in a read-only transaction and on a standby.
#pragma once

#include "core/access/permission_set.hpp"
#include "core/credential/user_token.hpp"
#include "pg/session/signed_token.hpp"

namespace tenancy::pg {

/// A token with its claims resolved in the catalogs.
struct UserTokenRead {
  bool is_trusted;      // a trust counts here that may tell its holder so: it is of no other kind
  const char *refused;  // the reason, which may be told, or nullptr; also for a trust that doesn't count here
  const char *untold;   // for the log alone, nullptr: none; otherwise it is as if there were no such trust
  bool undecided;       // the reason is that the session has to choose an organization
  Uuid user;
  Uuid organization;
  Uuid workspace;  // nil: not confined
  bool narrowed;   // to the scopes
  PermissionSet scopes;
  TimestampTz not_after;
  const char *subject;
  std::span<const Uuid> groups;  // of the organization, that the token names, as far as its trust lets it
};
/// Never raises an error because of the token's contents, but where the setting "tenancy.organization" can't
/// be read.
UserTokenRead read_user_token(const CatalogRead &read, const SignedToken &token);

/// Whether a key of an issuer that a DBA or the organization trusts has signed it, whatever issuer it names.
/// Such a key signs no tokens of an organization, also where one has configured it as its own before, or in
/// another spelling.
bool is_signed_for_users(const CatalogRead &read, const SignedToken &token, const Uuid &organization);

/// The person that a token stands for in what concerns this person alone: by an issuer that a DBA trusts,
/// since no organization can make such a token. One that is narrowed, to scopes or a workspace, is less than
/// its person. REQUIRES: see give_back_numbers().
struct TokenPerson {
  bool is_person;
  Uuid user;          // nil where nobody has the address yet
  const char *email;  // which the issuer has verified, where nobody has it yet
  Uuid trust;
  const char *subject;
  UserTokenClaims claims;  // as long as the token taken apart
};
TokenPerson read_token_person(const CatalogRead &read, const SignedToken &token);

/// Whether the organization that the session has chosen says that the token is of another user (`user` is nil
/// for somebody new).
bool is_somebody_else_here(const CatalogRead &read, const SignedToken &token, const Uuid &user);

/// RETURNS why the token of a person doesn't count in what the person decides about an organization, or, with
/// nil, about itself in all; nullptr if it does.
const char *problem_of_person_in(const CatalogRead &read, const TokenPerson &person,
                                 const Uuid &organization);

}  // namespace tenancy::pg
