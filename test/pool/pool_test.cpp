// Behind PgBouncer in transaction mode: 200 clients on 4 server connections, each a random principal in each
// transaction, and every row of every answer is checked.
#include "pool/world.hpp"

namespace tenancy::test {
namespace {

constexpr int client_count = 200;

const std::string list = "SELECT id FROM logs";
const std::string count = "SELECT count(*) FROM logs";
// A plan that the server connection keeps, and that all its clients use in turn: prepared by connect_query.
const std::string prepared = "EXECUTE seen";

class Pool : public PoolWorld {
 protected:
  void SetUp() override {
    pool_ = std::make_unique<PgBouncer>(logins(), "PREPARE seen AS " + list);
    ASSERT_TRUE(pool_->is_up()) << "is package pgbouncer installed?";
  }

  std::string through_pool(const std::string &login) const { return pool_->address() + " " + as(login); }

  /// Runs the scripts that `make` makes, `scripts` for each client.
  Report run(const std::string &login, int scripts, const std::function<Script(int client)> &make) {
    std::vector<int> left(client_count, scripts);
    return run_clients(
        client_count, [&](int) { return through_pool(login); },
        [&](int client) { return left[client]-- > 0 ? std::optional(make(client)) : std::nullopt; });
  }

  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }
  const PoolPrincipal &somebody() { return principals()[1 + below(principals().size() - 1)]; }
  static const PoolPrincipal &nobody() { return principals().front(); }

  static std::string name_of(const std::pair<std::string, std::string> &setting) {
    return setting.first == "user" ? "tenancy.\"user\"" : "tenancy." + setting.first;
  }
  static std::string set(const PoolPrincipal &who, const std::string &scope) {
    std::string sql;
    for (const auto &setting : who.settings)
      sql += "SET " + scope + " " + name_of(setting) + " = '" + setting.second + "'; ";
    return sql;
  }

  /// Questions, in random order.
  void ask(Script &script, const PoolPrincipal &who) {
    for (size_t i = 1 + below(3); i-- > 0;) {
      const std::string &sql = *std::array{&list, &count, &prepared}[below(3)];
      script.push_back({sql, who.ids, {}, ""});
    }
    script.push_back({prepared, who.ids, {}, ""});
  }

  // --- ways that must work
  // ------------------------------------------------------------------------------------

  Script by_set_local(const PoolPrincipal &who) {
    Script script{{"BEGIN; " + set(who, "LOCAL"), {}, {}, ""}};
    ask(script, who);
    script.push_back({below(2) == 0 ? "COMMIT" : "ROLLBACK", {}, {}, ""});
    return script;
  }

  Script by_set_config(const PoolPrincipal &who) {
    Script script{{"BEGIN", {}, {}, ""}};
    for (const auto &setting : who.settings)
      script.push_back(
          {"SELECT set_config($1, $2, true)", {}, {"tenancy." + setting.first, setting.second}, ""});
    ask(script, who);
    // by the extended protocol, too
    script.push_back({"SELECT id FROM logs WHERE id > $1::int", who.ids, {"0"}, ""});
    script.push_back({"COMMIT", {}, {}, ""});
    return script;
  }

  Script by_one_message(const PoolPrincipal &who) {
    return {{"BEGIN; " + set(who, "LOCAL") + list + "; " + prepared + "; " + count + "; COMMIT",
             who.ids,
             {},
             ""}};
  }

  Script by_savepoint(const PoolPrincipal &who, const PoolPrincipal &other) {
    Script script{{"BEGIN; " + set(who, "LOCAL"), {}, {}, ""}};
    ask(script, who);
    PoolPrincipal only_other = other;
    for (const char *name : {"api_key", "user", "organization", "workspace"})
      only_other.settings.insert(only_other.settings.begin(), {name, ""});
    script.push_back({"SAVEPOINT s; " + set(only_other, "LOCAL"), {}, {}, ""});
    ask(script, other);
    script.push_back({"ROLLBACK TO s", {}, {}, ""});
    ask(script, who);
    script.push_back({"COMMIT", {}, {}, ""});
    return script;
  }

  Script by_failed_transaction(const PoolPrincipal &who) {
    Script script{{"BEGIN; " + set(who, "LOCAL"), {}, {}, ""}};
    ask(script, who);
    script.push_back({"SELECT 1 / 0", {}, {}, "22012"});
    script.push_back({"ROLLBACK", {}, {}, ""});
    return script;
  }

  Script as_nobody() {
    Script script;
    ask(script, nobody());
    return script;
  }

  Script careful() {
    switch (below(6)) {
      case 0:
        return by_set_local(somebody());
      case 1:
        return by_set_config(somebody());
      case 2:
        return by_one_message(somebody());
      case 3:
        return by_savepoint(somebody(), somebody());
      case 4:
        return by_failed_transaction(somebody());
      default:
        return as_nobody();
    }
  }

  // --- and the one that doesn't
  // -------------------------------------------------------------------------------

  /// Sets the principal, and only then asks, in transactions of their own.
  Script forgetful(const Ids &expected) {
    const PoolPrincipal &who = somebody();
    // One credential takes the place of the other's, so that what is seen is somebody's and not an error.
    Script script{{"SET tenancy.api_key = ''", {}, {}, ""}};
    for (const auto &setting : who.settings)
      if (setting.first == "api_key")
        script = {{"SET tenancy.api_key = '" + setting.second + "'", {}, {}, ""}};
    script.push_back({list, expected, {}, ""});
    script.push_back({count, expected, {}, ""});
    script.push_back({prepared, expected, {}, ""});
    return script;
  }

  /// Sets it for the session, but asks in the same transaction.
  Script by_set_in_transaction(const PoolPrincipal &who) {
    Script script{{"BEGIN; " + set(who, "SESSION"), {}, {}, ""}};
    ask(script, who);
    script.push_back({below(2) == 0 ? "COMMIT" : "ROLLBACK", {}, {}, ""});
    return script;
  }

  static void expect_right(const Report &report) {
    EXPECT_EQ(report.problem, "");
    EXPECT_EQ(report.foreign_rows, 0);
    EXPECT_EQ(report.missing_rows, 0);
    EXPECT_EQ(report.wrong_counts, 0);
    EXPECT_GT(report.answers, client_count);
  }

  std::unique_ptr<PgBouncer> pool_;
  std::mt19937 random_{20261122};
};

TEST_F(Pool, SettingItInTheTransactionNeverLeaks) {
  for (const std::string &login : {session_login_, transaction_login_, sharing_login_}) {
    SCOPED_TRACE(login);
    const Report report = run(login, 10, [&](int) { return careful(); });
    expect_right(report);
    EXPECT_GT(report.rows, 0);
    std::cout << report.statements << " statements, " << report.answers << " answers, " << report.rows
              << " rows\n";
  }
}

// First that it does leak, or the rest of this test would say nothing.
TEST_F(Pool, ForgottenSettingLeaksUnlessItsLifetimeIsATransaction) {
  const auto mixed = [&](int client) { return client % 2 == 0 ? forgetful({}) : as_nobody(); };
  const Report leaking = run(session_login_, 5, mixed);
  EXPECT_EQ(leaking.problem, "");
  EXPECT_GT(leaking.foreign_rows, 0) << "a forgotten SET is expected to leak to other clients";
  EXPECT_GT(leaking.wrong_counts, 0);

  for (const std::string &login : {transaction_login_, sharing_login_}) {
    SCOPED_TRACE(login);
    const Report tight = run(login, 5, mixed);
    expect_right(tight);
    EXPECT_EQ(tight.rows, 0);
  }
  std::cout << leaking.foreign_rows << " foreign rows by lifetime session\n";
}

TEST_F(Pool, LifetimeTransactionProtectsTheCarefulFromTheForgetful) {
  for (const std::string &login : {transaction_login_, sharing_login_}) {
    SCOPED_TRACE(login);
    expect_right(run(login, 6, [&](int client) {
      switch (client % 4) {
        case 0:
          return forgetful({});
        case 1:
          return by_set_in_transaction(somebody());
        default:
          return careful();
      }
    }));
  }
}

// The login's own settings apply in every transaction, on every server connection.
TEST_F(Pool, WhatComesWithTheLoginStays) {
  const PoolPrincipal member{"bound login", {}, ids_of("member000")};
  const Report report = run(bound_login_, 5, [&](int client) {
    if (client % 2 == 0) return by_set_local(principals()[1]);  // a key: it comes before the login
    Script script;
    ask(script, member);
    return script;
  });
  expect_right(report);

  const auto &key = *std::find_if(principals().begin(), principals().end(),
                                  [](const PoolPrincipal &one) { return one.name == "service key of w11"; });
  Session dba("");
  dba.run("ALTER ROLE " + transaction_login_ + " SET tenancy.api_key = '" + key.settings[0].second + "'");
  expect_right(run(transaction_login_, 5, [&](int) {
    Script script;
    ask(script, key);
    return script;
  }));
  dba.run("ALTER ROLE " + transaction_login_ + " RESET tenancy.api_key");
}

// Start-up options reach a server directly, and never through PgBouncer.
TEST_F(Pool, StartUpOptionsAreRefusedOrDropped) {
  const PoolPrincipal &master = principals()[1];
  const std::string options = " options='-c tenancy.api_key=" + master.settings[0].second + "'";
  EXPECT_EQ(Session(as(session_login_) + options).query(count), std::to_string(master.ids.size()));
  const Session refused(through_pool(session_login_) + options);
  EXPECT_FALSE(refused.connected());
  EXPECT_NE(refused.connection_error().find("unsupported startup parameter: options"), std::string::npos)
      << refused.connection_error();
  pool_.reset();
  pool_ =
      std::make_unique<PgBouncer>(logins(), "PREPARE seen AS " + list, "ignore_startup_parameters = options");
  EXPECT_EQ(Session(through_pool(session_login_) + options).query(count), "0");
}

// Without the module a setting is nobody's, so that nobody resets it: this is refused rather than believed.
TEST_F(Pool, ForgottenSettingIsRefusedWhereTheModuleIsNotLoaded) {
  Session forgetful_one(through_pool(unloaded_login_));
  for (int i = 0; i < 20; i++) {
    forgetful_one.run("SET tenancy.api_key = '" + principals()[1].settings[0].second + "'");
    const Outcome outcome = Session(through_pool(unloaded_login_)).query(list);
    if (outcome.error.empty())
      EXPECT_EQ(outcome.rows, "");
    else
      EXPECT_EQ(outcome.error, "55000") << outcome;
  }
}

}  // namespace
}  // namespace tenancy::test
