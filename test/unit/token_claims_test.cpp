#include "core/credential/token_claims.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/json.hpp"

namespace tenancy {
namespace {

const Json good{{"organization_id", text("acme")},
                {"workspace_slug", text("search")},
                {"scope", text("logs.view")},
                {"exp", number("1300819380")}};

bool accepted(Json json) {
  TokenClaims claims;
  return read_token_claims(json.object(), claims) == nullptr;
}

std::optional<std::int64_t> down(std::string_view value) {
  return numeric_date(number(value), Rounding::down);
}
std::optional<std::int64_t> up(std::string_view value) { return numeric_date(number(value), Rounding::up); }

TEST(NumericDate, Reads) {
  EXPECT_EQ(down("1300819380"), 1300819380);  // RFC 7519, section 3.1
  EXPECT_EQ(down("0"), 0);
  EXPECT_EQ(down("13008193.8e2"), 1300819380);
  EXPECT_EQ(down("253402300799"), 253402300799);
}

TEST(NumericDate, RoundsToTheNarrowerSide) {
  EXPECT_EQ(down("1300819380.999"), 1300819380);
  EXPECT_EQ(up("1300819380.001"), 1300819381);
  EXPECT_EQ(up("1300819380"), 1300819380);
  EXPECT_EQ(up("1300819380.0"), 1300819380);
}

TEST(NumericDate, RefusesOtherValues) {
  for (const char *value : {"-1", "-0", "-0.0", "253402300800", "9223372036854775808", "1e400", "1e-400",
                            "inf", "nan", "", "1x", "0x10", " 1", "+1"})
    EXPECT_FALSE(down(value)) << value;
  EXPECT_FALSE(numeric_date(text("1300819380"), Rounding::down));
  EXPECT_FALSE(numeric_date(null_value, Rounding::down));
  EXPECT_FALSE(numeric_date({}, Rounding::down));
}

TEST(TokenClaims, Reads) {
  Json json = good.with("iss", text("joe"))
                  .with("aud", text("db"))
                  .with("sub", text("someone"))
                  .with("nbf", number("7.5"));
  TokenClaims claims;
  ASSERT_EQ(read_token_claims(json.object(), claims), nullptr);
  EXPECT_EQ(claims.organization, "acme");
  EXPECT_EQ(claims.workspace, "search");
  EXPECT_EQ(claims.scopes.text, "logs.view");
  EXPECT_EQ(claims.expires_at, 1300819380);
  EXPECT_EQ(claims.not_before, 8);
  EXPECT_EQ(claims.issuer.text, "joe");
  EXPECT_EQ(claims.audience.text, "db");
  EXPECT_EQ(claims.subject, "someone");
}

// RFC 7519, section 3.1: a good token that says nothing to us.
TEST(TokenClaims, Rfc7519ExampleNamesNoOrganization) {
  EXPECT_FALSE(accepted(Json{{"iss", text("joe")},
                             {"exp", number("1300819380")},
                             {"http://example.com/is_root", {JsonValue::Kind::other, {}, {}}}}));
}

TEST(TokenClaims, EitherSpellingOrBothThatAgree) {
  const Json other = good.without("organization_id").without("workspace_slug");
  EXPECT_FALSE(accepted(other));
  EXPECT_TRUE(accepted(other.with("portkey_oid", text("acme")).with("portkey_workspace", text("search"))));
  EXPECT_TRUE(accepted(good.with("portkey_oid", text("acme")).with("portkey_workspace", text("search"))));
  EXPECT_FALSE(accepted(good.with("portkey_oid", text("globex"))));
  EXPECT_FALSE(accepted(good.with("portkey_oid", text("Acme"))));
  EXPECT_FALSE(accepted(good.with("portkey_oid", null_value)));
  EXPECT_FALSE(accepted(good.with("portkey_workspace", text("support"))));
  EXPECT_FALSE(accepted(good.with("portkey_workspace", text(""))));
}

TEST(TokenClaims, OtherSpellingsOfTheFamily) {
  EXPECT_TRUE(accepted(good.without("organization_id").with("organisation_id", text("acme"))));
  EXPECT_TRUE(accepted(good.with("organisation_id", text("acme"))));
  EXPECT_FALSE(accepted(good.with("organisation_id", text("globex"))));
  EXPECT_FALSE(accepted(good.with("organisation_id", null_value)));
  EXPECT_TRUE(accepted(good.without("workspace_slug").with("workspace", text("search"))));
  // what others say by it is of no matter where the workspace is named
  EXPECT_TRUE(accepted(good.with("workspace", text("support"))));
  EXPECT_TRUE(accepted(good.with("workspace", null_value)));
  EXPECT_FALSE(accepted(good.without("workspace_slug").with("workspace", null_value)));
}

TEST(TokenClaims, SubjectIsTheFirstThatIsNamed) {
  const auto subject_of = [](Json json) {
    TokenClaims claims;
    EXPECT_EQ(read_token_claims(json.object(), claims), nullptr);
    return std::string(claims.subject);
  };
  EXPECT_EQ(
      subject_of(good.with("sub", text("someone")).with("email_id", text("a@x.test")).with("uid", text("7"))),
      "someone");
  EXPECT_EQ(subject_of(good.with("email_id", text("a@x.test")).with("uid", text("7"))), "a@x.test");
  EXPECT_EQ(subject_of(good.with("uid", text("7"))), "7");
  EXPECT_EQ(subject_of(good), "");
}

TEST(TokenClaims, NeedsOrganizationWorkspaceAndExpiry) {
  EXPECT_TRUE(accepted(good));
  for (const char *name : {"organization_id", "workspace_slug", "exp"}) {
    EXPECT_FALSE(accepted(good.without(name))) << name;
    EXPECT_FALSE(accepted(good.with(name, null_value))) << name;
    EXPECT_FALSE(accepted(good.with(name, texts({"acme"})))) << name;
  }
  EXPECT_FALSE(accepted(good.with("nbf", text("1"))));
}

TEST(TokenClaims, Scopes) {
  EXPECT_TRUE(accepted(good.without("scope")));
  EXPECT_TRUE(accepted(good.with("scope", texts({}))));
  EXPECT_FALSE(accepted(good.with("scope", number("1"))));
  EXPECT_FALSE(accepted(good.with("scopes", null_value)));
  EXPECT_TRUE(accepted(good.with("scopes", texts({"logs.view"}))));
  EXPECT_TRUE(accepted(good.with("scopes", text("  logs.view "))));
  EXPECT_FALSE(accepted(good.with("scopes", texts({"logs.view", "logs.list"}))));
  EXPECT_FALSE(accepted(good.with("scopes", text(""))));
}

// As Microsoft Entra and Okta write them
TEST(TokenClaims, ScopesInScp) {
  const Json other = good.without("scope");
  const std::vector<std::string_view> one = {"logs.view"}, another = {"logs.list"};
  for (const JsonValue &value : {text("logs.view"), texts(one)}) {
    Json json = other.with("scp", value);
    TokenClaims claims;
    ASSERT_EQ(read_token_claims(json.object(), claims), nullptr);
    ScopeWords words(claims.scopes);
    EXPECT_EQ(words.next(), "logs.view");
    EXPECT_EQ(words.next(), "");
    EXPECT_TRUE(accepted(good.with("scp", value)));
  }
  EXPECT_FALSE(accepted(other.with("scp", number("1"))));
  EXPECT_FALSE(accepted(other.with("scp", null_value)));
  EXPECT_FALSE(accepted(good.with("scp", text("logs.list"))));
  EXPECT_FALSE(accepted(other.with("scopes", texts(another)).with("scp", text("logs.view"))));
}

TEST(TokenTime, HoldsBetweenItsEndsWithSkew) {
  constexpr std::int64_t second = 1'000'000;
  TokenClaims claims;
  claims.not_before = 1000;
  claims.expires_at = 2000;
  EXPECT_NE(check_token_time(claims, 970 * second - 1), nullptr);
  EXPECT_EQ(check_token_time(claims, 970 * second), nullptr);
  EXPECT_EQ(check_token_time(claims, 2030 * second - 1), nullptr);
  EXPECT_NE(check_token_time(claims, 2030 * second), nullptr);
  EXPECT_EQ(token_not_after(claims), 2030 * second);
  claims.not_before = claims.expires_at = 253402300799;
  EXPECT_NE(check_token_time(claims, 2030 * second), nullptr);
  EXPECT_EQ(token_not_after(claims), 253402300829 * second);
}

TEST(ClaimNames, TextOrList) {
  EXPECT_TRUE(claim_names(text("a"), "a"));
  EXPECT_FALSE(claim_names(text("A"), "a"));
  EXPECT_TRUE(claim_names(texts({"b", "a"}), "a"));
  EXPECT_FALSE(claim_names(texts({"b"}), "a"));
  EXPECT_FALSE(claim_names(texts({}), ""));
  EXPECT_FALSE(claim_names(number("1"), "1"));
  EXPECT_FALSE(claim_names({}, ""));
}

std::string words(const JsonValue &claim) {
  std::string all;
  ScopeWords reader(claim);
  for (auto word = reader.next(); !word.empty(); word = reader.next()) all += std::string(word) + "|";
  EXPECT_TRUE(reader.next().empty());
  return all;
}

TEST(ScopeWords, TextOrList) {
  EXPECT_EQ(words(text("a b")), "a|b|");
  EXPECT_EQ(words(text("  a   b  ")), "a|b|");
  EXPECT_EQ(words(text("")), "");
  EXPECT_EQ(words(text("   ")), "");
  EXPECT_EQ(words(text("a\tb")), "a\tb|");
  EXPECT_EQ(words(texts({"a", "", "b c"})), "a|b c|");
  EXPECT_EQ(words({}), "");
  EXPECT_EQ(words(number("1")), "");
}

std::string scope(std::string_view word) {
  const auto scope = scope_of_word(word);
  return scope ? std::string(scope->resource) + " " + std::string(scope->action) : "";
}

TEST(ScopeOfWord, ResourceAndAction) {
  EXPECT_EQ(scope("logs.view"), "logs view");
  EXPECT_EQ(scope("portkey.logs.view"), "logs view");
  EXPECT_EQ(scope("portkey.view"), "portkey view");
  EXPECT_EQ(scope("portkey.portkey.view"), "portkey view");
  EXPECT_EQ(scope("api_keys.add_users2"), "api_keys add_users2");
  for (const char *word : {"", ".", "logs", "logs.", ".view", "logs.view.x", "portkey.portkey.logs.view",
                           "portkey..view", "Logs.view", "logs.View", "logs view", "logs.view ", "*.*",
                           "logs.*", "1.view", "_a.view", "logs.vi-ew", "lögs.view"})
    EXPECT_EQ(scope(word), "") << word;
  const std::string name(63, 'a');
  EXPECT_EQ(scope(name + "." + name), name + " " + name);
  EXPECT_EQ(scope(name + "a." + name), "");
}

}  // namespace
}  // namespace tenancy
