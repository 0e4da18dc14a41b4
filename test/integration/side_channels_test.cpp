// Side channels between sessions of one login: today's behaviour of PostgreSQL, described in
// docs/threat-model.md. (sql/side_channels.sql has those within one session.)
#include "session.hpp"

namespace tenancy::test {
namespace {

class SideChannels : public World {};

TEST_F(SideChannels, SessionsOfOneLoginSeeEachOthersStatements) {
  Session one(as_app()), other(as_app()), stranger(as_bound());
  one.run(principal("owner0").settings);
  other.run(principal("owner1").settings);
  other.run("SELECT count(*) FROM logs WHERE body = 'what org1 asks for'");
  const std::string seen =
      "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(other.backend()) +
      " AND query ~ 'what org1 asks for'";
  EXPECT_EQ(one.query(seen), "1");
  EXPECT_EQ(stranger.query(seen), "0");
  // and can stop each other
  EXPECT_EQ(stranger.query("SELECT pg_terminate_backend(" + std::to_string(other.backend()) + ")").error,
            "42501");
  EXPECT_EQ(one.query("SELECT pg_terminate_backend(" + std::to_string(other.backend()) + ", 5000)"), "t");
}

TEST_F(SideChannels, NotificationsAndAdvisoryLocksReachEverybody) {
  Session one(as_app()), other(as_bound());
  one.run(principal("owner1").settings + "; LISTEN everybody");
  other.run("NOTIFY everybody, 'from member00'; SELECT pg_advisory_lock(4711)");
  EXPECT_EQ(one.notifications(), "from member00");
  EXPECT_EQ(one.query("SELECT pg_try_advisory_lock(4711)"), "f");
}

TEST_F(SideChannels, LargeObjectsBelongToTheLogin) {
  Session one(as_app()), other(as_app()), stranger(as_bound());
  one.run(principal("owner0").settings);
  other.run(principal("owner1").settings);
  const std::string id = other.run("SELECT lo_from_bytea(0, 'of org1')");
  EXPECT_EQ(one.query("SELECT convert_from(lo_get(" + id + "), 'UTF8')"), "of org1");
  EXPECT_EQ(stranger.query("SELECT lo_get(" + id + ")").error, "42501");
  other.run("SELECT lo_unlink(" + id + ")");
}

// The server at the other end of a foreign table knows the mapping's login, and not who asks.
TEST_F(SideChannels, ForeignTablesAreReadAsTheirMappingsLogin) {
  Session dba(as_dba());
  dba.run("CREATE EXTENSION postgres_fdw; CREATE SCHEMA far");
  dba.run(
      "DO $$ BEGIN EXECUTE format('CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, "
      "port %L, "
      "dbname %L)', split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), "
      "current_database()); END $$");
  dba.run("CREATE USER MAPPING FOR PUBLIC SERVER self OPTIONS (user '" + bound_ +
          "', password_required 'false')");
  dba.run(
      "IMPORT FOREIGN SCHEMA public LIMIT TO (logs) FROM SERVER self INTO far; GRANT USAGE ON SCHEMA far TO "
      "PUBLIC; "
      "GRANT SELECT ON far.logs TO PUBLIC");
  Session session(as_app());
  for (const Principal &who : principals()) {
    session.run(who.settings);
    EXPECT_EQ(session.query("SELECT id FROM logs ORDER BY id"), who.ids) << who.name;
    EXPECT_EQ(session.query("SELECT id FROM far.logs ORDER BY id"), principal("member00").ids) << who.name;
  }
}

}  // namespace
}  // namespace tenancy::test
