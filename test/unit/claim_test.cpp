#include "core/claims/claim.hpp"

#include <gtest/gtest.h>

#include "for_every_world.hpp"

namespace tenancy::test {
namespace {

std::span<const std::uint8_t> bytes_of(const std::string &text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

// All permissions, with the numbers of this process or, turned round, those of another.
std::vector<ClaimedPermission> registered(bool turned_round = false) {
  std::vector<ClaimedPermission> names;
  for (const Permission &permission : permissions)
    names.push_back({permission.resource, permission.action, permission.id});
  if (turned_round)
    for (std::size_t i = 0; i < names.size(); ++i)
      names[i].id = static_cast<PermissionId>(500 - i);  // none is 900
  return names;
}

const ClaimTerms terms{7, 0x1122334455667788, 16384, "challenge", "app", 1234567890123};

std::string written(const ClaimedPrincipal &principal) {
  std::string out;
  write_claim(terms, registered(), principal, out);
  return out;
}

// RETURNS nothing where any part is refused. `turned_round` stands for the numbers of the process that reads.
std::optional<ClaimedPrincipal> read(std::span<const std::uint8_t> bytes, bool turned_round = false) {
  std::span<const std::uint8_t> rest;
  if (!read_claim_terms(bytes, rest)) return std::nullopt;
  std::vector<ClaimedPermission> names;
  if (!read_claimed_permissions(rest, names)) return std::nullopt;
  const auto numbers = registered(turned_round);
  if (names.size() != numbers.size()) return std::nullopt;
  for (std::size_t i = 0; i < names.size(); ++i) names[i].id = numbers[i].id;
  ClaimedPrincipal principal;
  if (!read_claimed_principal(rest, names, principal)) return std::nullopt;
  return principal;
}

ClaimedPrincipal with_everything() {
  ClaimedPrincipal principal;
  principal.kind = 3;
  principal.source = 1;
  principal.workspace = made_up_id(0x20, 1);
  principal.user = made_up_id(0x30, 1);
  principal.api_key = made_up_id(0x40, 1);
  principal.token_subject = "somebody";
  principal.has_token_subject = true;
  World world;
  world.workspaces = {made_up_id(0x10, 1), made_up_id(0x20, 1)};
  world.become(organization_owner_role);
  principal.access = world.access();
  principal.workspaces = world.workspaces;
  principal.workspaces_listed = true;
  principal.user_keys = {made_up_id(0x40, 1), made_up_id(0x40, 2)};
  principal.external_ids = {{1, made_up_id(0x20, 1), "4711"}, {2, made_up_id(0x30, 1), ""}};
  return principal;
}

TEST(Claim, HoldsTheTerms) {
  const std::string claim = written(with_everything());
  std::span<const std::uint8_t> rest;
  const auto read_terms = read_claim_terms(bytes_of(claim), rest);
  ASSERT_TRUE(read_terms);
  EXPECT_EQ(read_terms->key_id, terms.key_id);
  EXPECT_EQ(read_terms->sender_system, terms.sender_system);
  EXPECT_EQ(read_terms->sender_database, terms.sender_database);
  EXPECT_EQ(read_terms->challenge, terms.challenge);
  EXPECT_EQ(read_terms->login, terms.login);
  EXPECT_EQ(read_terms->until, terms.until);
}

TEST(Claim, HoldsThePrincipal) {
  const ClaimedPrincipal principal = with_everything();
  const std::string claim = written(principal);
  const auto found = read(bytes_of(claim));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, principal.kind);
  EXPECT_EQ(found->source, principal.source);
  EXPECT_EQ(found->workspace, principal.workspace);
  EXPECT_EQ(found->user, principal.user);
  EXPECT_EQ(found->api_key, principal.api_key);
  EXPECT_TRUE(found->has_token_subject);
  EXPECT_EQ(found->token_subject, principal.token_subject);
  EXPECT_TRUE(found->workspaces_listed);
  EXPECT_EQ(found->workspaces, principal.workspaces);
  EXPECT_EQ(found->user_keys, principal.user_keys);
  ASSERT_EQ(found->external_ids.size(), 2U);
  EXPECT_EQ(found->external_ids[0].entity, 1);
  EXPECT_EQ(found->external_ids[0].id, made_up_id(0x20, 1));
  EXPECT_EQ(found->external_ids[0].external_id, "4711");
  EXPECT_EQ(found->external_ids[1].external_id, "");
  EXPECT_TRUE(found->access == principal.access);
}

// Field by field, so that a new one of Access is either in the claim or noticed here.
TEST(Claim, HoldsEveryAccess) {
  for (std::uint64_t seed = first_seed; seed < first_seed + rounds; ++seed) {
    const World world = made_up_world(seeded_choices(seed));
    ClaimedPrincipal principal;
    principal.access = world.access();
    const std::string claim = written(principal);
    const auto found = read(bytes_of(claim));
    ASSERT_TRUE(found) << "seed " << seed << '\n' << text_of(world);
    ASSERT_TRUE(found->access == principal.access) << "seed " << seed << '\n' << text_of(world);
  }
}

TEST(Claim, GoesByNames) {
  const auto here = registered(), there = registered(true);
  for (std::uint64_t seed = first_seed; seed < first_seed + rounds / 10; ++seed) {
    const World world = made_up_world(seeded_choices(seed));
    ClaimedPrincipal principal;
    principal.access = world.access();
    const std::string claim = written(principal);
    const auto found = read(bytes_of(claim), true);
    ASSERT_TRUE(found);
    for (std::size_t i = 0; i < here.size(); ++i)
      for (const Uuid &workspace : world.workspaces)
        ASSERT_EQ(principal.access.in_workspace(workspace).rows(here[i].id),
                  found->access.in_workspace(workspace).rows(there[i].id))
            << "seed " << seed << ", " << here[i].resource << "." << here[i].action;
  }
}

// One that isn't registered where the claim is made is held by whoever has all scopes, as it is there.
TEST(Claim, AllPermissionsStayAll) {
  ClaimedPrincipal principal;
  World world;
  world.key = key_of(KeyKind::organization_service_key, {}, PermissionSet::of_all());
  principal.access = world.access();
  const std::string claim = written(principal);
  const auto found = read(bytes_of(claim));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access.on_organization().rows(900), principal.access.on_organization().rows(900));
  EXPECT_EQ(found->access.on_organization().rows(900), Rows::all);
}

TEST(Claim, RefusesParts) {
  const std::string claim = written(with_everything());
  for (std::size_t size = 0; size < claim.size(); ++size)
    EXPECT_FALSE(read(bytes_of(claim).first(size))) << size;
  EXPECT_FALSE(read(bytes_of(claim + '\0')));
}

TEST(Claim, RefusesOtherVersions) {
  std::string claim = written(with_everything());
  for (int version = 0; version < 256; ++version) {
    claim[0] = static_cast<char>(version);
    EXPECT_EQ(read(bytes_of(claim)).has_value(), version == 1) << version;
  }
}

TEST(Claim, RefusesListsOutOfOrder) {
  ClaimedPrincipal principal = with_everything();
  std::swap(principal.workspaces[0], principal.workspaces[1]);
  EXPECT_FALSE(read(bytes_of(written(principal))));
  principal = with_everything();
  principal.user_keys[1] = principal.user_keys[0];
  EXPECT_FALSE(read(bytes_of(written(principal))));
}

// A count has no room behind it: nothing is allocated for it.
TEST(Claim, RefusesCountsBeyondTheEnd) {
  const std::string claim = written({});
  for (std::size_t at = claim.size() - 4; at < claim.size(); ++at) {
    std::string altered = claim;
    altered[at] = '\xff';
    EXPECT_FALSE(read(bytes_of(altered)));
  }
}

TEST(Claim, RefusesNamesThatAreNoCStrings) {
  for (const std::string_view name : {std::string_view(), std::string_view("a\0b", 3)}) {
    const std::vector<ClaimedPermission> names = {{name, "view", 1}};
    std::string claim;
    write_claim(terms, names, {}, claim);
    std::span<const std::uint8_t> rest;
    ASSERT_TRUE(read_claim_terms(bytes_of(claim), rest));
    std::vector<ClaimedPermission> found;
    EXPECT_FALSE(read_claimed_permissions(rest, found));
  }
}

}  // namespace
}  // namespace tenancy::test
