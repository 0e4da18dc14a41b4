// The example that writes logs in pipeline mode, run as a program: what it wrote, in whose name, and what it
// does with lines that can't be written.
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "session.hpp"

namespace tenancy::test {
namespace {

struct Ending {
  int status;
  std::string output;  // what it says, errors included
};

class LogWriter : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string id = std::to_string(getpid());
    database_ = "tenancy_writer_" + id;
    login_ = "tenancy_writer_login_" + id;
    Session server("");
    ASSERT_TRUE(server.connected()) << server.connection_error();
    server.run("CREATE DATABASE " + database_);
    server.run("CREATE ROLE " + login_ + " LOGIN");
    Session dba(as_dba());
    dba.run("CREATE EXTENSION pg_tenancy; SELECT tenancy.create_observability()");
    // The lines are of a day that gets older and older.
    dba.run("UPDATE observability.accepted_times SET past = '100 years'");
    dba.run("GRANT USAGE ON SCHEMA observability TO " + login_ +
            "; GRANT SELECT, INSERT ON observability.logs, observability.log_payloads TO " + login_);
    dba.run(
        "SELECT tenancy.create_organization('Acme', 'olivia@acme.test'); SELECT "
        "tenancy.create_organization('Globex', 'gus@globex.test')");
    const std::string key =
        "SELECT secret FROM tenancy.create_api_key('workspace_user_key', 'key', workspace => '";
    writing_ = dba.run(key +
                       "acme/shared-team-workspace', member => 'olivia@acme.test', scopes => "
                       "'[\"logs.write\", \"logs.list\", \"logs.view\"]')");
    reading_ = dba.run(
        key + "acme/shared-team-workspace', member => 'olivia@acme.test', scopes => '[\"logs.list\"]')");
    foreign_ = dba.run(
        key + "globex/shared-team-workspace', member => 'gus@globex.test', scopes => '[\"logs.list\"]')");
  }

  static void TearDownTestSuite() {
    Session server("");
    server.run("DROP DATABASE " + database_ + " WITH (FORCE)");
    server.run("DROP ROLE " + login_);
  }

  void SetUp() override {
    Session dba(as_dba());
    dba.run("TRUNCATE observability.logs, observability.log_payloads");
  }

  static std::string as_dba() { return "dbname=" + database_; }

  /// Runs the program on lines, with a key.
  static Ending write(const std::string &key, const std::string &lines, int batch) {
    const std::string input = testing::TempDir() + "log_writer_" + std::to_string(getpid());
    std::ofstream(input) << lines;
    setenv("LOG_API_KEY", key.c_str(), 1);
    FILE *program = popen((std::string(LOG_WRITER) + " 'dbname=" + database_ + " user=" + login_ + "' " +
                           std::to_string(batch) + " <" + input + " 2>&1")
                              .c_str(),
                          "r");
    Ending run{-1, ""};
    for (int c = fgetc(program); c != EOF; c = fgetc(program)) run.output += static_cast<char>(c);
    run.status = WEXITSTATUS(pclose(program));
    unsetenv("LOG_API_KEY");
    std::remove(input.c_str());
    return run;
  }

  static std::string line(int n) {
    const std::string number = std::to_string(n);
    return "2026-03-01 12:00:00Z\t2026-03-01 12:00:01.5Z\tsmall\t200\t" + number +
           "\t2\t0.001\t{\"team\": \"blue\"}\t{\"messages\": [\"q\\u00fc \\\"" + number +
           "\\\"\"]}\t{\"text\": \"a\"}\n";
  }

  /// The rows of the table that a key sees.
  static std::string seen(const std::string &key, const std::string &query) {
    Session session(as_dba() + " user=" + login_);
    session.run("SET tenancy.api_key = '" + key + "'");
    return session.run(query);
  }

  static inline std::string database_, login_, writing_, reading_, foreign_;
};

TEST_F(LogWriter, WritesEachLineInTheKeysName) {
  std::string lines;
  for (int n = 1; n <= 1234; n++) lines += line(n);
  const Ending run = write(writing_, lines, 100);
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.output, "1234 written, 0 refused\n");
  EXPECT_EQ(seen(writing_,
                 "SELECT count(*), sum(usage_input_tokens), sum(cost), max(end_time - start_time), "
                 "min(metadata ->> 'team') FROM observability.logs"),
            "1234|761995|1.234|00:00:01.5|blue");
  EXPECT_EQ(
      seen(writing_,
           "SELECT count(*), count(DISTINCT request), bool_and(request -> 'messages' ->> 0 LIKE 'qü \"%\"') "
           "FROM observability.log_payloads JOIN observability.logs USING (log_id, start_time)"),
      "1234|1234|t");
  Session dba(as_dba());
  EXPECT_EQ(dba.run("SELECT DISTINCT o.slug, w.slug, u.email, k.name FROM observability.logs JOIN "
                    "tenancy.organizations o "
                    "USING (organization_id) JOIN tenancy.workspaces w USING (workspace_id) JOIN "
                    "tenancy.users u USING (user_id) "
                    "JOIN tenancy.api_keys k USING (api_key_id)"),
            "acme|shared-team-workspace|olivia@acme.test|key");
  EXPECT_EQ(seen(foreign_, "SELECT count(*) FROM observability.logs"), "0");
}

TEST_F(LogWriter, ABadLineIsNamedAndTheOthersAreWritten) {
  std::string lines;
  for (int n = 1; n <= 50; n++)
    lines += n == 17 ? "2026-03-01 12:00Z\t\tsmall\tmany\t\t\t\t\t\t\n" : n == 33 ? "no fields\n" : line(n);
  const Ending run = write(writing_, lines, 10);
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.output.find("line 17: ERROR:"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("line 33: 1 fields, not 10"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("48 written, 2 refused"), std::string::npos) << run.output;
  EXPECT_EQ(seen(writing_, "SELECT count(*), count(DISTINCT usage_input_tokens) FROM observability.logs"),
            "48|48");
}

TEST_F(LogWriter, WhoMayNotWriteWritesNothing) {
  const Ending reading = write(reading_, line(1) + line(2), 10);
  EXPECT_EQ(reading.status, 1);
  EXPECT_NE(reading.output.find("row-level security"), std::string::npos) << reading.output;
  const Ending unknown = write("pgt_wrong", line(1), 10);
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.output.find("invalid or expired API key"), std::string::npos) << unknown.output;
  Session dba(as_dba());
  EXPECT_EQ(dba.run("SELECT count(*) FROM observability.logs"), "0");
  EXPECT_EQ(write(writing_, line(1), 10).status, 0);
  EXPECT_EQ(dba.run("SELECT count(*) FROM observability.logs"), "1");
}

}  // namespace
}  // namespace tenancy::test
