// A claim: what one node of a cluster states to another about a session's principal, so that the other needs
// no catalogs. It consists of terms, which say for whom and how long it holds, and of the principal: its ids
// and its complete access. Permissions go by name, since each process numbers them differently.
//
// Nothing here signs or verifies. The receiver reads the terms, verifies the signature over all bytes by the
// key that they name, compares the terms, and only then reads the principal.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/access/access.hpp"

namespace tenancy {

/// The first bytes of what is signed, so that no signature of a claim is one of anything else.
inline constexpr std::string_view claim_domain = "pg_tenancy claim 1";

struct ClaimTerms {
  std::uint32_t key_id = 0;
  std::uint64_t sender_system = 0;  // the sender's cluster and database
  std::uint32_t sender_database = 0;
  std::string_view challenge;  // of the receiving session, which made it for one claim
  std::string_view login;      // of the receiving session
  std::int64_t until = 0;      // the first moment at which it no longer holds
};

struct ClaimedPermission {
  std::string_view resource;
  std::string_view action;
  PermissionId id;  // the process's own number
};

struct ClaimedExternalId {
  std::uint8_t entity;
  Uuid id;
  std::string_view external_id;
};

/// Views are of the claim's bytes, or of the sender's memory.
struct ClaimedPrincipal {
  std::uint8_t kind = 0;
  std::uint8_t source = 0;
  Uuid workspace;
  Uuid user;
  Uuid api_key;
  std::string_view token_subject;
  bool has_token_subject = false;
  Access access;  // with the organization
  /// The organization's, if the principal reaches every one and there are not too many; sorted.
  std::vector<Uuid> workspaces;
  bool workspaces_listed = false;
  std::vector<Uuid> user_keys;  // of the user; sorted
  std::vector<ClaimedExternalId> external_ids;
};

/// Appends the claim's bytes. `registered`: all registered permissions.
void write_claim(const ClaimTerms &terms, std::span<const ClaimedPermission> registered,
                 const ClaimedPrincipal &principal, std::string &out);

/// RETURNS the terms, and in `rest` the bytes of the permissions and the principal. Nothing for bytes that
/// are no claim, or one of another version.
std::optional<ClaimTerms> read_claim_terms(std::span<const std::uint8_t> bytes,
                                           std::span<const std::uint8_t> &rest) noexcept;

/// Reads the permissions' names, whose numbers are for the caller to add, and moves `rest` behind them.
bool read_claimed_permissions(std::span<const std::uint8_t> &rest,
                              std::vector<ClaimedPermission> &registered);

/// REQUIRES: the permissions have the process's numbers. RETURNS whether it is a principal and nothing else:
/// lists in order, indexes within bounds, no byte too many.
bool read_claimed_principal(std::span<const std::uint8_t> rest, std::span<const ClaimedPermission> registered,
                            ClaimedPrincipal &principal);

}  // namespace tenancy
