#include "pg/session/rights_profile.hpp"

#include "pg/catalog/permission_numbers.hpp"
#include "pg/server/sha256.hpp"

namespace tenancy::pg {
namespace {

// The parts of a profile. Permissions are numbered differently in each process, so their names are hashed.
struct Sets {
  const PermissionSet *sets[6];
};

Sets sets_of(const Principal &principal) {
  const Access &access = *principal.access;
  const Rights &rights =
      access.only_workspace() ? access.in_workspace(*access.only_workspace()) : access.elsewhere();
  return {{&access.on_organization().all, &access.on_organization().own, &access.on_unassigned().all,
           &access.on_unassigned().own, &rights.all, &rights.own}};
}

uint8 ids_given(const Principal &principal) {
  return static_cast<uint8>((principal.access->only_workspace() ? 1 : 0) | (principal.user ? 2 : 0) |
                            (principal.api_key ? 4 : 0));
}

void add_text(StringInfo description, const char *text) {
  appendBinaryStringInfo(description, text, static_cast<int>(strlen(text)) + 1);
}

// An all-scopes set also has unregistered bits set. Encodes each set as its difference from all or none.
void describe(StringInfo description, const Sets &sets, uint8 ids) {
  appendStringInfoChar(description, static_cast<char>(ids));
  bool usual[lengthof(sets.sets)];
  for (size_t i = 0; i < lengthof(sets.sets); i++) {
    usual[i] = sets.sets[i]->contains(max_permissions - 1);
    appendStringInfoChar(description, usual[i] ? 1 : 0);
  }
  for (const NamedPermission &permission : permissions_by_name()) {
    uint8 differs = 0;
    for (size_t i = 0; i < lengthof(sets.sets); i++)
      if (sets.sets[i]->contains(permission.id) != usual[i]) differs |= static_cast<uint8>(1U << i);
    if (differs == 0) continue;
    add_text(description, permission.resource);
    add_text(description, permission.action);
    appendStringInfoChar(description, static_cast<char>(differs));
  }
}

Uuid digest(const StringInfoData &description) {
  uint8 hash[PG_SHA256_DIGEST_LENGTH];
  const Sha256Part part{description.data, static_cast<size_t>(description.len)};
  sha256({&part, 1}, hash);
  Uuid profile;
  memcpy(profile.bytes.data(), hash, profile.bytes.size());
  return profile;
}

// The last profiles worked out, as long as permissions keep the numbers that these sets are made of.
struct WorkedOut {
  bool used;
  uint64 numbering;
  uint8 ids;
  PermissionSet sets[6];
  Uuid profile;
};
constexpr int worked_out_count = 8;
WorkedOut worked_out[worked_out_count];
int next_worked_out = 0;

bool is_same(const WorkedOut &one, const Sets &sets, uint8 ids) {
  if (!one.used || one.numbering != permission_numbering() || one.ids != ids) return false;
  for (size_t i = 0; i < lengthof(sets.sets); i++)
    if (one.sets[i] != *sets.sets[i]) return false;
  return true;
}

}  // namespace

bool has_rights_profile(const Principal &principal) {
  return principal.kind != PrincipalKind::anonymous && principal.rights_until == DT_NOEND &&
         (principal.access->only_workspace() || principal.access->reaches_every_workspace_alike());
}

Uuid rights_profile_of(const Principal &principal) {
  const Sets sets = sets_of(principal);
  const uint8 ids = ids_given(principal);
  for (const WorkedOut &one : worked_out)
    if (is_same(one, sets, ids)) return one.profile;

  StringInfoData description;
  initStringInfo(&description);
  describe(&description, sets, ids);
  WorkedOut &place = worked_out[next_worked_out];
  place.used = false;
  place.profile = digest(description);
  pfree(description.data);
  place.ids = ids;
  place.numbering = permission_numbering();
  for (size_t i = 0; i < lengthof(sets.sets); i++) place.sets[i] = *sets.sets[i];
  place.used = true;
  next_worked_out = (next_worked_out + 1) % worked_out_count;
  return place.profile;
}

}  // namespace tenancy::pg
