// Reads from the catalogs the facts that rights follow from. No rule is decided here: the core does that.
#pragma once

#include <optional>

#include "core/access/model.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// A user's facts in one organization, in the current memory context.
struct UserFactsRead {
  bool is_member;  // of the organization; otherwise the facts say nothing
  UserFacts facts;
};
UserFactsRead read_user_facts(const CatalogRead &read, const Uuid &organization, const Uuid &user);

/// The facts of a user who would hold just these roles; nil for no organization role.
UserFacts read_role_facts(const CatalogRead &read, const Uuid &organization, const Uuid &organization_role,
                          std::span<const WorkspaceMembership> memberships);

/// A role with the grants that it is born with; one that doesn't exist has none.
Role read_role(const CatalogRead &read, const Uuid &id);
/// A role's level; nothing for no such role.
std::optional<Level> read_role_level(const CatalogRead &read, const Uuid &role);

/// Why a row of api_keys is refused whatever its secret: deleted, revoked, expired; nullptr where it isn't.
const char *why_key_has_ended(const CatalogScan &scan, HeapTuple tuple);

/// An API key as the catalog has it.
struct ApiKeyRead {
  bool usable;         // exists, neither revoked nor deleted nor expired
  const char *reason;  // why it isn't usable, for the server's log
  Uuid id;
  Uuid user;
  KeyFacts facts;
  TimestampTz not_after;
};
/// The SHA-256 of a secret, as the catalog has it: a bytea in the current memory context.
Datum secret_hash_datum(const char *secret);
/// The key with this secret.
ApiKeyRead read_api_key(const CatalogRead &read, const char *secret);

struct UserRead {
  bool exists;
  bool active;
};
UserRead read_user(const CatalogRead &read, const Uuid &user);

struct LoginBinding {
  bool trusted;
  Uuid user;
  Uuid organization;
  Uuid workspace;
};
LoginBinding read_login_binding(const CatalogRead &read, Oid login);

/// Ids as spans over memory of the current context, sorted.
std::span<const Uuid> read_workspaces(const CatalogRead &read, const Uuid &organization);
std::span<const Uuid> read_keys_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user);
/// The organizations that the user is a member of.
std::span<const Uuid> read_organizations_of_user(const CatalogRead &read, const Uuid &user);

enum class Entity : int { organization, workspace, user, api_key };
/// An entity's external id, slug or e-mail address; nullptr where there is none.
const char *read_external_id(const CatalogRead &read, Entity entity, const Uuid &id);
const char *read_display_name(const CatalogRead &read, Entity entity, const Uuid &id);

}  // namespace tenancy::pg
