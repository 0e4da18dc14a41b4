// Credentials over real connections: start-up options, expiry, secrecy, lost connections, parallel workers.
#include <chrono>
#include <thread>

#include "session.hpp"

namespace tenancy::test {
namespace {

class Credentials : public World {
 protected:
  static std::string new_key(const std::string &expires_in = "") {
    return Session(as_dba()).run(
        "SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'org0', 'w00', scopes => "
        "'[\"logs.view\"]'" +
        (expires_in.empty() ? "" : ", expires_at => clock_timestamp() + '" + expires_in + "'::interval") +
        ")");
  }
  static std::string with_option(const std::string &setting, const std::string &value) {
    return as_app() + " options='-c " + setting + "=" + value + "'";
  }
};

const std::string all_ids = "SELECT id FROM logs ORDER BY id";

TEST_F(Credentials, FromConnectionOptions) {
  const std::string secret = new_key();
  Session session(with_option("tenancy.api_key", secret));
  EXPECT_EQ(session.query(all_ids), "1 2");
  session.run("SET tenancy.api_key = ''");
  EXPECT_EQ(session.query(all_ids), "");
  session.run("RESET tenancy.api_key");
  EXPECT_EQ(session.query(all_ids), "1 2");
  session.run("SET tenancy.api_key = ''");
  session.run("DISCARD ALL");
  EXPECT_EQ(session.query(all_ids), "1 2");
  EXPECT_EQ(Session(with_option("tenancy.user", "member01@test")).query(all_ids), "3 4");
  EXPECT_EQ(Session(with_option("tenancy.api_key", "nonsense")).query(all_ids).error, "28000");
}

TEST_F(Credentials, FromTheRole) {
  Session dba(as_dba());
  dba.run("ALTER ROLE " + app_ + " IN DATABASE " + database_ + " SET \"tenancy.user\" = 'member11@test'");
  Session session(as_app());
  EXPECT_EQ(session.query(all_ids), "7 8");
  session.run("SET \"tenancy.user\" = 'member10@test'");
  EXPECT_EQ(session.query(all_ids), "5 6");
  session.run("RESET \"tenancy.user\"");
  EXPECT_EQ(session.query(all_ids), "7 8");
  dba.run("ALTER ROLE " + app_ + " IN DATABASE " + database_ + " RESET \"tenancy.user\"");
  EXPECT_EQ(Session(as_bound()).query(all_ids), "1 2");
}

// A setting made before the library is loaded is kept, and what only a superuser may set isn't.
TEST_F(Credentials, BeforeTheLibraryIsLoaded) {
  Session session(as_app());
  session.run("SET tenancy.api_key = '" + new_key() + "'");
  session.run("SET tenancy.specialize = off; SET tenancy.anonymous_access = error");
  EXPECT_EQ(session.query(all_ids), "1 2");
  EXPECT_EQ(session.query("SHOW tenancy.specialize"), "on");
  EXPECT_EQ(session.query("SHOW tenancy.anonymous_access"), "empty");
}

// The server doesn't let a principal be set inside a function with its owner's rights; one set before must
// not be lost when it is such a function that loads the library.
TEST_F(Credentials, BeforeAFunctionWithItsOwnersRightsLoadsTheLibrary) {
  Session(as_dba()).run(
      "CREATE FUNCTION by_definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM "
      "tenancy.current_user_id(); END $$");
  Session session(as_app());
  session.run("SET \"tenancy.user\" = 'member01@test'");
  session.run("SELECT by_definer()");
  EXPECT_EQ(session.query("SELECT email FROM tenancy.whoami()"), "member01@test");
  EXPECT_EQ(session.query(all_ids), "3 4");
}

void wait_for(Session &session, const std::string &condition) {
  for (int i = 0; i < 200 && session.run("SELECT " + condition) != "t"; i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

TEST_F(Credentials, Expire) {
  Session dba(as_dba());
  const std::string expires_at = dba.run("SELECT clock_timestamp() + '1 second'::interval");
  const std::string soon = dba.run(
      "SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'org0', 'w00', scopes => "
      "'[\"logs.view\"]', expires_at => '" +
      expires_at + "')");
  const std::string later = new_key("1 hour");
  std::vector<std::unique_ptr<Session>> sessions;
  for (const char *mode : {"auto", "force_generic_plan", "force_custom_plan"}) {
    sessions.push_back(std::make_unique<Session>(as_app()));
    Session &session = *sessions.back();
    // The plan for the key that lasts must not keep the other one going, nor the other way round.
    session.run("SET plan_cache_mode = " + std::string(mode) + "; SET tenancy.api_key = '" + later + "'");
    session.run("PREPARE q AS " + all_ids + "; EXECUTE q");
    session.run("SET tenancy.api_key = '" + soon + "'");
    EXPECT_EQ(session.query("EXECUTE q"), "1 2");
    EXPECT_EQ(session.query("SELECT expires_at = '" + expires_at + "' FROM tenancy.whoami()"), "t");
  }
  Session in_transaction(as_app());
  in_transaction.run("SET tenancy.api_key = '" + soon + "'; PREPARE q AS " + all_ids + "; EXECUTE q");
  in_transaction.run("BEGIN");
  EXPECT_EQ(in_transaction.query("EXECUTE q"), "1 2");
  wait_for(dba, "clock_timestamp() > '" + expires_at + "'");
  for (const auto &session : sessions) {
    EXPECT_EQ(session->query("EXECUTE q").error, "28000");
    EXPECT_EQ(session->query(all_ids).error, "28000");
    EXPECT_EQ(session->query("SELECT * FROM tenancy.whoami()").error, "28000");
    EXPECT_EQ(session->query("SELECT tenancy.authorize('logs', 'view')").error, "28000");
    session->run("SET tenancy.api_key = '" + later + "'");
    EXPECT_EQ(session->query("EXECUTE q"), "1 2");
  }
  EXPECT_EQ(in_transaction.query("EXECUTE q").error, "28000");
}

// A procedure that commits goes on as one statement of the client's, for as long as it likes: not by an
// expired key.
TEST_F(Credentials, ExpireInsideAProcedure) {
  Session dba(as_dba());
  dba.run(
      "CREATE PROCEDURE wait_and_read(expires_at timestamptz, OUT before bigint, OUT after bigint) LANGUAGE "
      "plpgsql "
      "AS $$ BEGIN SELECT count(*) INTO before FROM logs; COMMIT; "
      "WHILE clock_timestamp() <= expires_at LOOP PERFORM pg_sleep(0.02); END LOOP; COMMIT; "
      "SELECT count(*) INTO after FROM logs; END $$");
  for (const char *mode : {"force_generic_plan", "force_custom_plan"}) {
    SCOPED_TRACE(mode);
    const std::string expires_at = dba.run("SELECT clock_timestamp() + '1 second'::interval");
    Session session(as_app());
    session.run(
        "SET plan_cache_mode = " + std::string(mode) + "; SET tenancy.api_key = '" +
        dba.run("SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'org0', 'w00', "
                "scopes => '[\"logs.view\"]', expires_at => '" +
                expires_at + "')") +
        "'");
    EXPECT_EQ(session.query("CALL wait_and_read('-infinity', NULL, NULL)"), "2|2");
    EXPECT_EQ(session.query("CALL wait_and_read('" + expires_at + "', NULL, NULL)").error, "28000");
  }
}

// The key's owner is the only one who may read the secret, and nobody does by asking the server.
TEST_F(Credentials, AreNotShown) {
  const std::string secret = new_key();
  Session by_option(with_option("tenancy.api_key", secret));
  Session by_set(as_app());
  by_set.run("SELECT tenancy.authorize('logs', 'view'); SET tenancy.api_key = '" + secret + "'");
  for (Session *session : {&by_option, &by_set}) {
    SCOPED_TRACE(session == &by_option ? "start-up option" : "SET");
    EXPECT_EQ(session->query(all_ids), "1 2");
    for (const char *sql :
         {"SHOW tenancy.api_key", "SELECT current_setting('tenancy.api_key')",
          "SELECT * FROM pg_settings WHERE name LIKE 'tenancy.%'", "SHOW ALL",
          "SELECT * FROM tenancy.whoami()", "SELECT tenancy.explain_rows('logs')",
          "EXPLAIN VERBOSE SELECT * FROM logs", "SELECT set_config('tenancy.workspace', '', false)",
          "SELECT * FROM pg_prepared_statements"}) {
      const Outcome outcome = session->query(sql);
      EXPECT_EQ(outcome.error, "") << outcome.message;
      EXPECT_EQ(outcome.rows.find(secret), std::string::npos) << sql;
    }
  }
  // errors
  const std::string wrong = secret.substr(0, secret.size() - 1) + (secret.back() == 'x' ? 'y' : 'x');
  for (const std::string &given : {secret + "0", wrong, new_key("1 microsecond")}) {
    by_set.run("SET tenancy.api_key = '" + given + "'");
    const Outcome outcome = by_set.query(all_ids);
    EXPECT_EQ(outcome.error, "28000");
    EXPECT_EQ(outcome.message.find(given), std::string::npos);
    EXPECT_NE(outcome.message.find("invalid or expired API key"), std::string::npos);
  }
}

// Until the library is loaded, the server takes the setting for anybody's: preloading closes this.
TEST_F(Credentials, AreNeverShownWhenPreloaded) {
  Session dba(as_dba());
  dba.run("ALTER DATABASE " + database_ + " SET session_preload_libraries = 'pg_tenancy'");
  const std::string secret = new_key();
  Session session(with_option("tenancy.api_key", secret));
  EXPECT_EQ(session.run("SHOW tenancy.api_key").find(secret), std::string::npos);
  EXPECT_EQ(session.query(all_ids), "1 2");
  dba.run("ALTER DATABASE " + database_ + " RESET session_preload_libraries");
}

// A connection that is lost in the middle of a transaction leaves nothing behind.
TEST_F(Credentials, AreLostWithTheConnection) {
  Session dba(as_dba());
  for (const Principal &who : principals()) {
    Session session(as_app());
    session.run("BEGIN; " + who.settings);
    EXPECT_EQ(session.query(all_ids), who.ids);
    dba.run("SELECT pg_terminate_backend(" + std::to_string(session.backend()) + ", 5000)");
    EXPECT_FALSE(session.query(all_ids).error.empty());
    Session next(as_app());
    EXPECT_EQ(next.query(all_ids), "");
    next.run(principal("owner1").settings);
    EXPECT_EQ(next.query(all_ids), "5 6 7 8");
  }
}

// Workers get the settings and the login, and nothing else: their guard must come to the same stamp.
TEST_F(Credentials, HoldInParallelWorkers) {
  Session dba(as_dba());
  dba.run("CREATE TABLE many (LIKE logs)");
  dba.run(
      "INSERT INTO many SELECT n, l.organization_id, l.workspace_id, l.user_id, l.body FROM "
      "generate_series(1, 16000) n "
      "JOIN logs l ON l.id = n % 8 + 1; ANALYZE many");
  dba.run(
      "SELECT tenancy.protect('many', 'logs', organization => 'organization_id', workspace => "
      "'workspace_id'); GRANT "
      "SELECT ON many TO PUBLIC");
  const auto expect_counts = [&](Session &session, const std::string &who, size_t rows_in_logs) {
    session.run(
        "SET parallel_leader_participation = off; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
        "SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2");
    EXPECT_EQ(session.query("SELECT count(*) FROM many"), std::to_string(2000 * rows_in_logs)) << who;
    if (rows_in_logs > 0) {
      EXPECT_NE(session.run("EXPLAIN SELECT count(*) FROM many").find("Gather"), std::string::npos) << who;
    }
    // not specialized: workers work the rights out for themselves
    EXPECT_EQ(session.query(
                  "SELECT count(*) FROM many WHERE tenancy.row_visible(left(body || 'logs', 0) || 'logs', "
                  "'view', organization_id, workspace_id, NULL, NULL)"),
              std::to_string(2000 * rows_in_logs))
        << who;
  };
  Session session(as_app());
  for (const Principal &who : principals()) {
    session.run(who.settings);
    expect_counts(session, who.name, who.ids.empty() ? 0 : (who.ids.size() + 1) / 2);
  }
  Session bound(as_bound());
  expect_counts(bound, "bound login", 2);
}

// First the unsafe way, to show that this test would notice: an identity that planning takes for a constant.
TEST_F(Credentials, AreNotFrozenIntoPlans) {
  Session dba(as_dba());
  dba.run(
      "CREATE FUNCTION frozen_user() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN "
      "current_setting('app.identity'); END $$; "
      "CREATE TABLE naive AS SELECT id, 'member0' || (id / 5) || '@test' AS email FROM logs; "
      "ALTER TABLE naive ENABLE ROW LEVEL SECURITY; GRANT SELECT ON naive TO PUBLIC; "
      "CREATE POLICY mine ON naive USING (email = frozen_user())");
  Session session(as_app());
  session.run("PREPARE naive AS SELECT count(*) FROM naive; PREPARE ours AS " + all_ids);
  session.run("SET app.identity = 'member00@test'; SET \"tenancy.user\" = 'member00@test'");
  EXPECT_EQ(session.query("EXECUTE naive"), "4");
  EXPECT_EQ(session.query("EXECUTE ours"), "1 2");
  session.run("SET app.identity = 'stranger@test'; RESET \"tenancy.user\"");
  EXPECT_EQ(session.query("EXECUTE naive"), "4") << "the unsafe policy is expected to leak";
  EXPECT_EQ(session.query("EXECUTE ours"), "");
}

}  // namespace
}  // namespace tenancy::test
