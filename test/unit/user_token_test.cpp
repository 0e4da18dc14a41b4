#include "core/credential/user_token.hpp"

#include <gtest/gtest.h>

#include "core/credential/token_claims.hpp"
#include "unit/json.hpp"

namespace tenancy {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t issued = 1'700'000'000;

const std::vector<std::string_view> audiences{"database"}, parties{"web", "cli"};
constexpr JsonValue literal_true{JsonValue::Kind::literal_true, {}, {}};

IssuerTrust trust() {
  IssuerTrust result;
  result.issuer = "https://idp.test";
  result.audiences = audiences;
  result.max_age = 3600;
  return result;
}

const Json good{{"iss", text("https://idp.test")},
                {"aud", text("database")},
                {"sub", text("mike")},
                {"iat", number("1700000000")},
                {"exp", number("1700003600")}};

std::string problem(Json json, const IssuerTrust &by = trust(), std::int64_t now = issued * second) {
  UserTokenClaims claims;
  const char *found = read_user_token(json.object(), by, now, claims);
  return found == nullptr ? "" : found;
}

TEST(UserToken, ReadsIdentityAndPlace) {
  Json json = good.with("email", text("mike@acme.test"))
                  .with("email_verified", literal_true)
                  .with("portkey_oid", text("acme"))
                  .with("organization_id", text("1"))
                  .with("workspace_slug", text("search"))
                  .with("scope", text("openid logs.view"));
  UserTokenClaims claims;
  ASSERT_EQ(read_user_token(json.object(), trust(), issued * second, claims), nullptr);
  EXPECT_EQ(claims.identity, "mike");
  EXPECT_EQ(claims.email, "mike@acme.test");
  EXPECT_EQ(claims.organization_count, 2U);
  EXPECT_EQ(claims.workspace, "search");
  EXPECT_EQ(claims.scopes.text, "openid logs.view");
  EXPECT_EQ(claims.issued_at, issued);
  EXPECT_EQ(claims.expires_at, issued + 3600);
}

// So that the reason can be kept from those who are unknown.
TEST(UserToken, ReadsIdentityOfARefusedToken) {
  const Json named = good.with("email", text("mike@acme.test")).with("email_verified", literal_true);
  for (Json json : {named.with("aud", text("other")), named.without("exp"), named.with("events", null_value),
                    named.with("workspace_slug", null_value)}) {
    UserTokenClaims claims;
    EXPECT_NE(read_user_token(json.object(), trust(), issued * second, claims), nullptr);
    EXPECT_EQ(claims.identity, "mike");
    EXPECT_EQ(claims.email, "mike@acme.test");
  }
  for (Json json : {named.without("sub"), named.with("iss", text("https://other.test"))}) {
    UserTokenClaims claims;
    EXPECT_NE(read_user_token(json.object(), trust(), issued * second, claims), nullptr);
    EXPECT_EQ(claims.identity, "");
    EXPECT_EQ(claims.email, "");
  }
}

// Each end counts to the microsecond, with the skew once.
TEST(UserToken, Times) {
  const std::int64_t skew = clock_skew_seconds * second, end = (issued + 3600) * second + skew;
  EXPECT_EQ(problem(good, trust(), end - 1), "");
  EXPECT_EQ(problem(good, trust(), end), "It has expired (exp)");
  EXPECT_EQ(problem(good, trust(), issued * second - skew), "");
  EXPECT_EQ(problem(good, trust(), issued * second - skew - 1), "It is not valid yet (iat, nbf)");
  const Json starts = good.with("nbf", number("1700000100"));
  EXPECT_EQ(problem(starts, trust(), (issued + 100) * second - skew), "");
  EXPECT_EQ(problem(starts, trust(), (issued + 100) * second - skew - 1), "It is not valid yet (iat, nbf)");
  EXPECT_NE(problem(good.without("iat")), "");
  EXPECT_NE(problem(good.without("exp")), "");
  EXPECT_NE(problem(good.with("nbf", text("1"))), "");
  EXPECT_EQ(problem(good.with("exp", number("1700003601"))), "It is valid for longer than is trusted");
}

TEST(UserToken, Audiences) {
  const std::vector<std::string_view> several{"other", "database"}, one{"database"}, others{"other"};
  EXPECT_EQ(problem(good.with("aud", texts(one))), "");
  EXPECT_NE(problem(good.with("aud", texts(others))), "");
  EXPECT_NE(problem(good.without("aud")), "");
  EXPECT_NE(problem(good.with("aud", literal_true)), "");
  EXPECT_NE(problem(good.with("aud", texts(several))), "");
  EXPECT_EQ(problem(good.with("aud", texts(several)).with("azp", text("database"))), "");
  IssuerTrust by = trust();
  by.authorized_parties = parties;
  EXPECT_EQ(problem(good, by), "");
  for (const char *name : {"azp", "client_id", "appid", "cid"}) {
    EXPECT_EQ(problem(good.with(name, text("cli")), by), "") << name;
    EXPECT_NE(problem(good.with(name, text("database")), by), "") << name;
    EXPECT_NE(problem(good.with(name, null_value), by), "") << name;
  }
  EXPECT_NE(problem(good.with("azp", text("web")).with("client_id", text("other")), by), "");
  // Access tokens without an audience
  by.audiences = {};
  EXPECT_NE(problem(good.with("client_id", text("web")), by), "");
  EXPECT_EQ(problem(good.without("aud").with("client_id", text("web")), by), "");
  EXPECT_NE(problem(good.without("aud"), by), "");
}

TEST(UserToken, RefusesOtherKinds) {
  EXPECT_NE(problem(good.with("events", null_value)), "");
  EXPECT_NE(problem(good.with("cnf", null_value)), "");
  for (const char *type : {"ID", "Bearer"}) EXPECT_EQ(problem(good.with("typ", text(type))), "") << type;
  for (const char *type : {"Refresh", "Offline", "Logout", ""})
    EXPECT_NE(problem(good.with("typ", text(type))), "");
  EXPECT_NE(problem(good.with("token_use", text("access"))), "");
  IssuerTrust by = trust();
  by.token_use = "access";
  EXPECT_EQ(problem(good.with("token_use", text("access")), by), "");
  EXPECT_NE(problem(good, by), "");
  EXPECT_NE(problem(good.with("iss", text("https://idp.test/"))), "");
  EXPECT_NE(problem(good.without("iss")), "");
}

TEST(UserToken, OnlyAVerifiedAddressIsOne) {
  const Json json = good.with("email", text("mike@acme.test"));
  for (const JsonValue &verified : {JsonValue{}, text("true"), text("yes"), number("1"), null_value}) {
    Json tried = json.with("email_verified", verified);
    UserTokenClaims claims;
    ASSERT_EQ(read_user_token(tried.object(), trust(), issued * second, claims), nullptr);
    EXPECT_EQ(claims.email, "");
  }
}

TEST(UserToken, ObjectIdsAreOfTheIssuersTenant) {
  IssuerTrust by = trust();
  by.subject = SubjectClaim::oid;
  by.issuer = "https://login.test/9122040d/v2.0";
  const Json entra = good.with("iss", text(by.issuer)).with("oid", text("690222be"));
  EXPECT_EQ(problem(entra.with("tid", text("9122040d")), by), "");
  EXPECT_NE(problem(entra.with("tid", text("8122040d")), by), "");
  EXPECT_NE(problem(entra, by), "");
  EXPECT_NE(problem(entra.with("tid", text("9122040d")).without("oid"), by), "");
}

}  // namespace
}  // namespace tenancy
