// The session's principal and its access: resolved at first use, cached until a parameter, a catalog or the
// login changes, or the credential expires.
#pragma once

#include "core/access/access.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

struct ClaimedCatalog;  // catalog/claimed_catalog.hpp

enum class PrincipalKind : int {
  anonymous,
  user,
  organization_service_key,
  workspace_service_key,
  workspace_user_key,
  jwt
};
enum class PrincipalSource : int { none, api_key, jwt, user_setting, login };

/// Names as the SQL surface has them.
const char *principal_kind_name(PrincipalKind kind);
const char *principal_source_name(PrincipalSource source);

struct Principal {
  PrincipalKind kind;
  PrincipalSource source;
  Uuid organization;
  Uuid workspace;  // the only one reached; nil if there may be several
  Uuid user;
  Uuid undecided_user;  // the user where it is undecided, for the audit log
  Uuid api_key;
  TimestampTz not_after;     // when the credential is refused; infinity for never
  TimestampTz ends_at;       // the same, of a key that is rotated in time
  TimestampTz rights_until;  // the earliest end of what the rights come from; after that there may be fewer
  TimestampTz valid_until;   // the earlier of not_after and rights_until
  TimestampTz note_use_at;   // when the use of its key is noted again; infinity without a key
  const Access *access;
  const Access *delegable;             // what it can hand out: without the roles that it has taken for a time
  const char *token_subject;           // the user named by a token's signer, or nullptr; decides nothing
  std::span<const Uuid> token_groups;  // groups that the session's token names
  bool elevated;                       // has a role that it has taken for a time
  bool narrowed;   // is less than its user, by its token's claims or its login's workspace
  bool undecided;  // the user has several organizations and chose none: otherwise as anonymous

  const ClaimedCatalog *claimed;  // counts in place of the catalogs; nullptr: none does

  // Read when first needed.
  std::span<const Uuid> workspaces;  // of the organization
  std::span<const Uuid> user_keys;   // of the user, in the organization
  bool workspaces_known;
  bool user_keys_known;

  CatalogToken token;  // of the catalogs that it was resolved from
  MemoryContext context;
};

/// RETURNS the session's principal, for immediate use: the next call may replace it. CACHES: it, until a
/// parameter, a catalog or the login changes, or it expires. Raises 28000 for an invalid credential, 42704
/// or 22023 for an invalid reference in a parameter, 28000 when its user must choose an organization.
Principal *current_principal();
/// The same for questions that a session without a choice of organization can be answered: as nobody.
Principal *current_principal_or_undecided();
/// RETURNS the session's principal if it has been resolved and is still valid, else nullptr. No error, no
/// catalog access.
const Principal *known_principal();
/// Whether it is the session's credential that has ended, and not a part of its rights. Raises 28000 itself
/// where the principal has to be resolved for that, and cannot be.
bool has_credential_ended();
/// RETURNS the API key whose secret the session presents, also one that is refused until it is rotated.
/// Raises 28000 for what is refused otherwise, 55000 for another credential or none.
Uuid presented_api_key();
/// Whether the session is its user: no key, which others may have made and know, and nothing that is less
/// than the user. Of a claim nobody knows whether it is.
bool is_user_itself(const Principal &principal);
/// Raises 28000 unless the session's user has chosen an organization, or needs no choice.
void check_decided(const Principal &principal);

/// RETURNS the ways to give the session a principal, for the hint of an error.
const char *hint_for_nobody();

/// Where a claim counts, it does so in place of the catalogs.
void register_claims();

/// Raises 28000 when the session is anonymous and anonymous_access = error.
void check_anonymous_access(const Principal &principal);

/// RETURN ids, sorted. CACHE: them in the principal.
std::span<const Uuid> workspaces_of(Principal &principal);
std::span<const Uuid> user_keys_of(Principal &principal);

/// RETURNS the rights in a workspace that may be of another organization.
const Rights &rights_in(Principal &principal, const Uuid &workspace);
/// RETURNS the decision of authorize(): in a workspace, which may be of another organization, or (nil)
/// anywhere.
Rows authorized(Principal &principal, const PermissionSet &any_of, const Uuid &workspace);

/// RETURNS the slug nearest to a mistyped reference, of the workspaces where the access has any right;
/// nullptr where none is near.
const char *nearest_workspace(const CatalogRead &read, const Access &access, const char *reference);

}  // namespace tenancy::pg
