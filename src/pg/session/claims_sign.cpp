// Claims: the sending side.

#include <algorithm>
#include <tuple>

#include "core/claims/challenge.hpp"
#include "core/claims/claim.hpp"
#include "core/credential/base64url.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/claimed_catalog.hpp"
#include "pg/catalog/cluster_key.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/session/claims.hpp"

namespace tenancy::pg {
namespace {

// The receiver's challenge, and the login that it is for.
struct Receiver {
  std::string_view bytes;
  std::string_view login;
  bool is_this_session;
};

Receiver read_receiver(const text *challenge) {
  const std::string_view printed(VARDATA_ANY(challenge), VARSIZE_ANY_EXHDR(challenge));
  const size_t room = base64url_decoded_size(printed.size());
  auto *bytes = static_cast<uint8 *>(palloc(room + 1));
  const auto size = decode_base64url(printed, {bytes, room});
  const auto found = size ? read_challenge({bytes, *size}) : std::nullopt;
  if (!found)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is not a challenge"),
                    errhint("Challenges come from tenancy.claim_challenge() of the receiving session.")));
  return {{reinterpret_cast<const char *>(bytes), *size},
          found->login,
          found->system == GetSystemIdentifier() && found->database == MyDatabaseId &&
              found->process == static_cast<uint32>(MyProcPid) && found->started_at == MyStartTimestamp};
}

[[noreturn]] void refuse_size() {
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the session's access is too large for a claim"),
           errdetail("It may have %zu bytes.", claim_size)));
  pg_unreachable();
}

// The lists that filters need, read from this node's catalogs.
struct Lists {
  PodArray<ClaimedPermission> registered;
  std::span<const Uuid> workspaces;
  bool workspaces_listed;
  std::span<const Uuid> user_keys;
  PodArray<ClaimedExternalId> external_ids;
};

void add_external_id(const CatalogRead &read, Lists &lists, Entity entity, const Uuid &id,
                     const Uuid &organization) {
  if (!id) return;
  if (const char *external_id = read_external_id(read, entity, id, organization); external_id != nullptr)
    lists.external_ids.append({static_cast<uint8>(entity), id, external_id});
}

Lists read_lists(const CatalogRead &read, Principal &principal) {
  Lists lists{};
  const Access &access = *principal.access;
  const ClaimedCatalog *claimed = claimed_catalog();
  const PermissionSet registered =
      claimed != nullptr ? claimed->registered : registered_permissions(read).all;
  for (const NamedPermission &permission : permissions_by_name())
    if (registered.contains(permission.id))
      lists.registered.append({permission.resource, permission.action, permission.id});

  if (access.reaches_every_workspace() && (claimed == nullptr || principal.workspaces_known)) {
    lists.workspaces = workspaces_of(principal);
    lists.workspaces_listed = lists.workspaces.size() <= claimed_workspaces;
  }
  if (principal.user) lists.user_keys = user_keys_of(principal);

  add_external_id(read, lists, Entity::organization, principal.organization, principal.organization);
  if (lists.workspaces_listed)
    for (const Uuid &workspace : lists.workspaces)
      add_external_id(read, lists, Entity::workspace, workspace, principal.organization);
  else
    for (const auto &entry : access.entries())
      add_external_id(read, lists, Entity::workspace, entry.workspace, principal.organization);
  add_external_id(read, lists, Entity::user, principal.user, principal.organization);
  add_external_id(read, lists, Entity::api_key, principal.api_key, principal.organization);
  for (const Uuid &key : lists.user_keys)
    if (key != principal.api_key) add_external_id(read, lists, Entity::api_key, key, principal.organization);
  std::sort(lists.external_ids.items, lists.external_ids.items + lists.external_ids.count,
            [](const ClaimedExternalId &one, const ClaimedExternalId &other) {
              return std::tie(one.entity, one.id) < std::tie(other.entity, other.id);
            });
  return lists;
}

void write_bytes(const ClaimTerms &terms, const Principal &principal, const Lists &lists, std::string &out) {
  run_core([&] {
    ClaimedPrincipal claimed;
    claimed.kind = static_cast<uint8>(principal.kind);
    claimed.source = static_cast<uint8>(principal.source);
    claimed.workspace = principal.workspace;
    claimed.user = principal.user;
    claimed.api_key = principal.api_key;
    claimed.has_token_subject = principal.token_subject != nullptr;
    if (claimed.has_token_subject) claimed.token_subject = principal.token_subject;
    claimed.access = *principal.access;
    claimed.workspaces_listed = lists.workspaces_listed;
    if (lists.workspaces_listed) claimed.workspaces.assign(lists.workspaces.begin(), lists.workspaces.end());
    claimed.user_keys.assign(lists.user_keys.begin(), lists.user_keys.end());
    const auto external_ids = lists.external_ids.span();
    claimed.external_ids.assign(external_ids.begin(), external_ids.end());
    write_claim(terms, lists.registered.span(), claimed, out);
  });
}

text *sign(const Receiver &receiver) {
  Principal &principal = *current_principal();
  CatalogRead read = begin_catalog_read();
  const ClusterKey key = read_signing_key(read);
  if (key.id == 0)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("this node is in no cluster"),
                    errhint("A superuser can run tenancy.join_cluster().")));
  const Lists lists = read_lists(read, principal);
  end_catalog_read(read);

  ClaimTerms terms;
  terms.key_id = key.id;
  terms.sender_system = GetSystemIdentifier();
  terms.sender_database = MyDatabaseId;
  terms.challenge = receiver.bytes;
  terms.login = receiver.login;
  terms.until = Min(principal.valid_until, GetCurrentTimestamp() + claim_lifetime);
  auto *bytes = make_in_context<std::string>(CurrentMemoryContext);
  auto *printed = make_in_context<std::string>(CurrentMemoryContext);
  write_bytes(terms, principal, lists, *bytes);
  if (bytes->size() > claim_size / 4 * 3 - PG_SHA256_DIGEST_LENGTH) refuse_size();
  uint8 signature[PG_SHA256_DIGEST_LENGTH];
  sign_bytes({reinterpret_cast<const uint8 *>(bytes->data()), bytes->size()}, key.secret, signature);
  run_core([&] {
    bytes->append(reinterpret_cast<const char *>(signature), sizeof signature);
    encode_base64url({reinterpret_cast<const uint8 *>(bytes->data()), bytes->size()}, *printed);
  });
  return cstring_to_text_with_len(printed->data(), static_cast<int>(printed->size()));
}

}  // namespace

text *sign_claim_for_other(const text *challenge) {
  const Receiver receiver = read_receiver(challenge);
  return receiver.is_this_session ? nullptr : sign(receiver);
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_random_secret);
Datum pg_tenancy_random_secret(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  constexpr Size size = VARHDRSZ + sizeof ClusterKey{}.secret;
  auto *secret = static_cast<bytea *>(palloc(size));
  SET_VARSIZE(secret, size);
  if (!pg_strong_random(VARDATA(secret), size - VARHDRSZ))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
  PG_RETURN_BYTEA_P(secret);
}

PG_FUNCTION_INFO_V1(pg_tenancy_sign_claim);
Datum pg_tenancy_sign_claim(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a challenge must be given")));
  give_back_numbers();
  PG_RETURN_TEXT_P(sign(read_receiver(PG_GETARG_TEXT_PP(0))));
}
}

}  // namespace tenancy::pg
