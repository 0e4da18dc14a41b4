// Sources of identity × tables × statements × plans, where it takes a real connection: start-up options,
// settings of the role and the database, logins, COPY, the extended protocol, pipelines.
// (sql/isolation_matrix.sql has the rest.)
#include <algorithm>
#include <array>
#include <functional>
#include <sstream>

#include "session.hpp"

namespace tenancy::test {
namespace {

/// A way to become somebody: what to connect with, what to send then, and who one is afterwards.
struct Source {
  std::string name;
  std::string connection;
  std::vector<std::string> commands;
  std::string ids;
  bool in_transaction = false;
};

/// A statement on a table; gives the ids of its rows in order.
struct Statement {
  const char *name;
  bool only;  // not of children and partitions: so COPY does under row security
  std::function<Outcome(Session &, const std::string &table)> run;
};

struct Table {
  const char *name;
  const char *ids;  // of all its rows
  const char *own;  // of those that lie in no child or partition
};

constexpr const char *all = "1 2 3 4 5 6 7 8";
constexpr std::array tables = {Table{"logs", all, all},
                               Table{"ranged", all, ""},
                               Table{"ranged_low", "1 2 3", "1 2 3"},
                               Table{"ranged_rest", "4 5 6 7 8", "4 5 6 7 8"},
                               Table{"parent", all, "1 2 3 4"},
                               Table{"child", "5 6 7 8", "5 6 7 8"}};

const std::array statements = {
    Statement{
        "SELECT", false,
        [](Session &s, const std::string &t) { return s.query("SELECT id FROM " + t + " ORDER BY id"); }},
    Statement{"COPY table TO", true,
              [](Session &s, const std::string &t) { return s.copy_out("COPY " + t + " (id) TO STDOUT"); }},
    Statement{"COPY query TO", false,
              [](Session &s, const std::string &t) {
                return s.copy_out("COPY (SELECT id FROM " + t + " ORDER BY id) TO STDOUT");
              }},
    Statement{"extended protocol", false,
              [](Session &s, const std::string &t) {
                s.prepare("p", "SELECT id FROM " + t + " ORDER BY id");
                for (int i = 0; i < 6; i++) s.execute("p");
                const Outcome outcome = s.execute("p");
                s.query("DEALLOCATE p");
                return outcome;
              }},
    Statement{"pipeline", false,
              [](Session &s, const std::string &t) {
                return s.pipeline({"SELECT count(*) FROM " + t, "SELECT id FROM " + t + " ORDER BY id"});
              }},
    Statement{"cursor", false,
              [](Session &s, const std::string &t) {
                s.query("SAVEPOINT before");
                s.query("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM " + t + " ORDER BY id");
                s.query("MOVE FORWARD ALL FROM c");
                s.query("MOVE ABSOLUTE 0 FROM c");
                const Outcome outcome = s.query("FETCH FORWARD ALL FROM c");
                s.query("CLOSE c");
                return outcome;
              }},
};

constexpr std::array plans = {"auto", "force_generic_plan", "force_custom_plan"};

class Matrix : public World {
 protected:
  static void SetUpTestSuite() {
    World::SetUpTestSuite();
    Session dba(as_dba());
    dba.run(
        "CREATE TABLE ranged (LIKE logs) PARTITION BY RANGE (id);"
        "CREATE TABLE ranged_low PARTITION OF ranged FOR VALUES FROM (0) TO (4) WITH (parallel_workers = 2);"
        "CREATE TABLE ranged_rest PARTITION OF ranged DEFAULT WITH (parallel_workers = 2);"
        "CREATE TABLE parent (LIKE logs); CREATE TABLE child () INHERITS (parent);"
        "INSERT INTO ranged SELECT * FROM logs; INSERT INTO parent SELECT * FROM logs WHERE id < 5;"
        "INSERT INTO child SELECT * FROM logs WHERE id >= 5;"
        "SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => "
        "true) "
        "FROM unnest('{ranged,parent}'::regclass[]) t;"
        "GRANT ALL ON ranged, ranged_low, ranged_rest, parent, child TO PUBLIC");
    key_ = dba.run(
        "SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'org0', 'w01', scopes => "
        "'[\"logs.view\"]')");
    role_ = app_ + "_with_settings";
    dba.run("CREATE ROLE " + role_ + " LOGIN; SELECT tenancy.trust_login('" + role_ + "')");
    dba.run("ALTER ROLE " + role_ + " IN DATABASE " + database_ + " SET \"tenancy.user\" = 'member10@test'");
  }
  static void TearDownTestSuite() {
    Session(as_dba()).run("DROP ROLE " + role_);
    World::TearDownTestSuite();
  }

  static std::vector<Source> sources() {
    const std::string options = as_app() + " options='-c ", set_key = "tenancy.api_key = '" + key_ + "'";
    const std::string both = "1 2 3 4", w01 = "3 4", member10 = "5 6", org1 = "5 6 7 8";
    return {
        {"key by start-up option", options + "tenancy.api_key=" + key_ + "'", {}, w01},
        {"user by start-up option", options + "tenancy.user=owner1@test'", {}, org1},
        {"start-up option, narrowed",
         options + "tenancy.user=owner0@test -c tenancy.workspace=w01'",
         {},
         w01},
        {"ALTER ROLE", as_dba() + " user=" + role_, {}, member10},
        {"ALTER ROLE, then SET", as_dba() + " user=" + role_, {"SET \"tenancy.user\" = 'owner0@test'"}, both},
        {"ALTER ROLE, then taken away", as_dba() + " user=" + role_, {"SET \"tenancy.user\" = ''"}, ""},
        {"login", as_bound(), {}, "1 2"},
        {"login, then a key", as_bound(), {"SET " + set_key}, w01},
        {"SET", as_app(), {"SET " + set_key}, w01},
        {"SET LOCAL", as_app(), {"BEGIN", "SET LOCAL " + set_key}, w01, true},
        {"set_config with a parameter",
         as_app(),
         {"SELECT set_config('tenancy.api_key', '" + key_ + "', false)"},
         w01},
        {"SET LOCAL, after COMMIT AND CHAIN",
         as_app(),
         {"BEGIN", "SET LOCAL " + set_key, "SELECT FROM logs", "COMMIT AND CHAIN"},
         "",
         true},
        {"set_config(.., true) without a transaction",
         as_app(),
         {"SELECT set_config('tenancy.api_key', '" + key_ + "', true)"},
         ""},
        {"SET, after DISCARD ALL", as_app(), {"SET " + set_key, "SELECT FROM logs", "DISCARD ALL"}, ""},
        {"SET, then somebody else",
         as_app(),
         {"SET " + set_key, "SELECT FROM logs", "RESET tenancy.api_key",
          "SET \"tenancy.user\" = 'owner1@test'"},
         org1},
        {"procedure that commits",
         as_app(),
         {"SET \"tenancy.user\" = 'owner1@test'",
          "DO $$ BEGIN PERFORM set_config('tenancy.user', 'owner0@test', true); PERFORM FROM logs; COMMIT; "
          "END $$"},
         org1},
        {"nobody", as_app(), {}, ""},
        {"nobody, empty settings", options + "tenancy.api_key= -c tenancy.user='", {}, ""},
    };
  }

  inline static std::string key_, role_;
};

std::string common(const std::string &a, const std::string &b) {
  std::string ids, id;
  for (std::istringstream words(a); words >> id;)
    if ((' ' + b + ' ').find(' ' + id + ' ') != std::string::npos) ids += (ids.empty() ? "" : " ") + id;
  return ids;
}

std::string sorted(const std::string &ids) {
  std::vector<std::string> words;
  std::string id, joined;
  for (std::istringstream stream(ids); stream >> id;) words.push_back(id);
  std::sort(words.begin(), words.end());
  for (const std::string &word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

TEST_F(Matrix, EverySourceOnEveryTableByEveryStatement) {
  size_t cells = 0, shown = 0, withheld = 0;
  for (const Source &source : sources())
    for (const char *plan : plans) {
      Session session(source.connection);
      ASSERT_TRUE(session.connected()) << session.connection_error();
      for (const std::string &command : source.commands) session.run(command);
      session.run("SET plan_cache_mode = " + std::string(plan));
      for (const Table &table : tables) {
        for (const Statement &statement : statements) {
          const std::string expected = common(statement.only ? table.own : table.ids, source.ids);
          Outcome outcome = statement.run(session, table.name);
          outcome.rows = sorted(outcome.rows);
          EXPECT_EQ(outcome, expected)
              << source.name << ", " << table.name << ", " << statement.name << ", " << plan;
          cells++;
          shown += static_cast<size_t>(std::count(expected.begin(), expected.end(), ' ')) + !expected.empty();
          withheld += expected != table.ids;
        }
        if (source.in_transaction) session.run("SAVEPOINT s");
        EXPECT_EQ(session.copy_out("COPY " + std::string(table.name) + " (id) FROM STDIN").error, "0A000");
        if (source.in_transaction) session.run("ROLLBACK TO s");
        cells++;
      }
    }
  EXPECT_EQ(cells, sources().size() * plans.size() * tables.size() * (statements.size() + 1));
  EXPECT_GT(shown, cells / 2);
  EXPECT_GT(withheld, cells / 2);
}

// Superuser settings can be set neither with connection options nor before the library is loaded.
TEST_F(Matrix, SettingsOfTheSuperuserCannotBeSlippedIn) {
  for (const char *setting :
       {"tenancy.specialize=off", "tenancy.guard_rails=off", "tenancy.anonymous_access=error",
        "tenancy.principal_lifetime=transaction", "tenancy.log_denied=on"}) {
    const std::string name = std::string(setting).substr(0, std::string(setting).find('='));
    const std::string value = std::string(setting).substr(name.size() + 1);
    Session dba(as_dba());
    dba.run("SELECT tenancy_internal.guard_rails()");
    const std::string by_default = dba.run("SHOW " + name);
    ASSERT_NE(by_default, value);
    Session by_option(as_app() + " options='-c " + setting + "'");
    EXPECT_EQ(by_option.query("SELECT count(*) FROM logs"), "0") << setting;
    EXPECT_EQ(by_option.query("SHOW " + name), by_default);
    Session by_set(as_app());
    by_set.run("SET " + name + " = " + value);
    EXPECT_EQ(by_set.query("SELECT count(*) FROM logs"), "0") << setting;
    EXPECT_EQ(by_set.query("SHOW " + name), by_default);
    EXPECT_EQ(by_set.query("SET " + name + " = " + value).error, "42501");
    EXPECT_EQ(by_set.query("ALTER ROLE " + app_ + " SET " + name + " = " + value).error, "42501");
  }
}

// CVE-2025-12819: a setting in the start-up message must run nothing before the session is there. Ours are
// looked at when they are needed: a session with nonsense in all of them starts, and works as long as it asks
// for nothing protected.
TEST_F(Matrix, SettingsAtStartUpAreLookedAtWhenTheyAreNeeded) {
  for (const char *preload :
       {"RESET session_preload_libraries", "SET session_preload_libraries = 'pg_tenancy'"}) {
    Session(as_dba()).run("ALTER DATABASE " + database_ + " " + preload);
    Session session(
        as_app() +
        " options='-c tenancy.api_key=nonsense -c tenancy.jwt=a.b.c -c tenancy.organization=no -c "
        "tenancy.workspace=such'");
    ASSERT_TRUE(session.connected()) << session.connection_error();
    EXPECT_EQ(session.query("SELECT 1"), "1");
    EXPECT_EQ(session.query("SELECT count(*) FROM logs").error, "28000");
    session.run(
        "SET tenancy.api_key = ''; SET tenancy.jwt = ''; SET tenancy.organization = ''; SET "
        "tenancy.workspace = ''");
    EXPECT_EQ(session.query("SELECT count(*) FROM logs"), "0");
  }
  Session(as_dba()).run("ALTER DATABASE " + database_ + " RESET session_preload_libraries");
}

}  // namespace
}  // namespace tenancy::test
