// A connection, and the world that the tests connect to.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenancy::test {

/// The result of a statement: its rows as text (columns separated by '|', rows by ' '), or the SQLSTATE of
/// its error.
struct Outcome {
  std::string rows;
  std::string error;
  std::string message;

  bool operator==(const std::string &expected) const { return error.empty() && rows == expected; }
};

inline std::ostream &operator<<(std::ostream &out, const Outcome &outcome) {
  if (outcome.error.empty()) return out << "rows \"" << outcome.rows << '"';
  return out << outcome.error << ": " << outcome.message;
}

/// One connection. Where to comes from PGHOST and its like, as long as `parameters` doesn't say otherwise.
class Session {
 public:
  explicit Session(const std::string &parameters) : connection_(PQconnectdb(parameters.c_str()), &PQfinish) {
    PQsetNoticeProcessor(
        connection_.get(), [](void *, const char *) {}, nullptr);
  }

  bool connected() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
  std::string connection_error() const { return PQerrorMessage(connection_.get()); }
  int backend() const { return PQbackendPID(connection_.get()); }

  /// Runs statements by the simple protocol; the outcome is the last one's.
  Outcome query(const std::string &sql) { return outcome_of(PQexec(connection_.get(), sql.c_str())); }
  /// The same, where nothing but success will do.
  std::string run(const std::string &sql) {
    const Outcome outcome = query(sql);
    EXPECT_EQ(outcome.error, "") << outcome.message << " in " << sql;
    return outcome.rows;
  }
  /// COPY .. TO STDOUT: its lines are the rows.
  Outcome copy_out(const std::string &sql) {
    PGresult *started = PQexec(connection_.get(), sql.c_str());
    if (PQresultStatus(started) != PGRES_COPY_OUT) return outcome_of(started);
    PQclear(started);
    std::string lines;
    char *line = nullptr;
    for (int length; (length = PQgetCopyData(connection_.get(), &line, 0)) > 0; PQfreemem(line))
      lines += (lines.empty() ? "" : " ") + std::string(line, static_cast<size_t>(length) - 1);
    Outcome outcome = outcome_of(PQgetResult(connection_.get()));
    PQclear(PQgetResult(connection_.get()));
    if (outcome.error.empty()) outcome.rows = lines;
    return outcome;
  }
  /// Statements sent ahead of their results, by the extended protocol; the outcome is the last one's.
  Outcome pipeline(const std::vector<std::string> &statements) {
    PQenterPipelineMode(connection_.get());
    for (const std::string &sql : statements)
      PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
    PQpipelineSync(connection_.get());
    Outcome outcome;
    for (size_t i = 0; i < statements.size(); i++) {
      outcome = outcome_of(PQgetResult(connection_.get()));
      PQclear(PQgetResult(connection_.get()));
    }
    PQclear(PQgetResult(connection_.get()));
    PQexitPipelineMode(connection_.get());
    return outcome;
  }
  /// Payloads received from NOTIFY.
  std::string notifications() {
    query("SELECT");
    std::string payloads;
    while (PGnotify *notify = PQnotifies(connection_.get())) {
      payloads += notify->extra;
      PQfreemem(notify);
    }
    return payloads;
  }
  /// By the extended protocol.
  Outcome prepare(const std::string &name, const std::string &sql) {
    return outcome_of(PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr));
  }
  Outcome execute(const std::string &name, const std::vector<const char *> &values = {}) {
    return outcome_of(PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                                     values.data(), nullptr, nullptr, 0));
  }

 private:
  static Outcome outcome_of(PGresult *raw) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(raw, &PQclear);
    Outcome outcome;
    const ExecStatusType status = PQresultStatus(raw);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      const char *state = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
      outcome.error = state != nullptr ? state : "lost";
      outcome.message = PQresultErrorMessage(raw);
      return outcome;
    }
    for (int row = 0; row < PQntuples(raw); row++)
      for (int column = 0; column < PQnfields(raw); column++) {
        if (row > 0 || column > 0) outcome.rows += column == 0 ? ' ' : '|';
        outcome.rows += PQgetvalue(raw, row, column);
      }
    return outcome;
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// Somebody, and what this somebody sees in the table logs.
struct Principal {
  std::string name;
  std::string settings;  // SQL that makes the session this one
  std::string ids;
};

inline std::string settings(const std::string &user, const std::string &api_key,
                            const std::string &scope = "") {
  return "SET " + scope + " \"tenancy.user\" = '" + user + "'; SET " + scope + " tenancy.api_key = '" +
         api_key + "'";
}

/// A database of its own with two organizations, in each an owner, two workspaces, a member and a key in
/// each. Table logs has rows 1 to 8: two for each workspace, in order.
class World : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string id = std::to_string(getpid());
    database_ = "tenancy_" + id;
    app_ = "tenancy_app_" + id;
    bound_ = "tenancy_bound_" + id;
    Session server("");
    ASSERT_TRUE(server.connected()) << server.connection_error();
    server.run("CREATE DATABASE " + database_);
    server.run("CREATE ROLE " + app_ + " LOGIN; CREATE ROLE " + bound_ + " LOGIN");
    Session dba(as_dba());
    dba.run("CREATE EXTENSION pg_tenancy; CREATE EXTENSION IF NOT EXISTS plpgsql");
    dba.run(
        "CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid, body "
        "text)");
    dba.run(
        "SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => "
        "'workspace_id', "
        "owner => 'user_id', create_indexes => true)");
    dba.run("GRANT ALL ON logs TO PUBLIC; SELECT tenancy.trust_login('" + app_ + "')");
    for (int o = 0; o < 2; o++) fill_organization(dba, o);
    // mixed: all rows in one workspace, own rows (none) in another
    dba.run("INSERT INTO tenancy.login_bindings (login, user_id) SELECT '" + bound_ +
            "', user_id FROM tenancy.users WHERE email = 'member00@test'");
    principals_.push_back({"nobody", settings("", ""), ""});
  }

  static void TearDownTestSuite() {
    Session server("");
    server.run("DROP DATABASE " + database_ + " WITH (FORCE)");
    server.run("DROP ROLE " + app_ + "; DROP ROLE " + bound_);
    principals_.clear();
  }

  static std::string as_dba() { return "dbname=" + database_; }
  /// An application's login, which is trusted to name users.
  static std::string as_app() { return as_dba() + " user=" + app_; }
  /// A login that stands for member00.
  static std::string as_bound() { return as_dba() + " user=" + bound_; }
  static const std::vector<Principal> &principals() { return principals_; }
  static const Principal &principal(std::string_view name) {
    for (const Principal &one : principals_)
      if (one.name == name) return one;
    ADD_FAILURE() << "no principal " << name;
    return principals_.back();
  }
  static const Principal &nobody() { return principals_.back(); }

  inline static std::string database_, app_, bound_;

 private:
  static std::string two_ids(int workspace) {
    return std::to_string(2 * workspace + 1) + ' ' + std::to_string(2 * workspace + 2);
  }

  static void fill_organization(Session &dba, int o) {
    const std::string org = "org" + std::to_string(o);
    const std::string owner = "owner" + std::to_string(o);
    const std::string master =
        dba.run("SELECT master_key FROM tenancy.create_organization('" + org + "', '" + owner + "@test')");
    for (int w = 0; w < 2; w++) {
      const std::string workspace = "w" + std::to_string(o) + std::to_string(w);
      const std::string member = "member" + std::to_string(o) + std::to_string(w);
      dba.run("SELECT tenancy.create_workspace('" + org + "', '" + workspace + "'), tenancy.create_user('" +
              member + "@test')");
      dba.run("SELECT tenancy.set_organization_role('" + org + "', '" + member + "@test', 'member')");
      dba.run("SELECT tenancy.set_workspace_role('" + org + "/" + workspace + "', '" + member +
              "@test', 'member')");
      dba.run(
          "INSERT INTO logs SELECT n, w.organization_id, w.workspace_id, u.user_id, w.slug FROM "
          "tenancy.workspaces w, "
          "tenancy.users u, unnest('{" +
          std::to_string(4 * o + 2 * w + 1) + "," + std::to_string(4 * o + 2 * w + 2) +
          "}'::int[]) n WHERE w.slug = '" + workspace + "' AND u.email = '" + member + "@test'");
      const std::string secret =
          dba.run("SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'key', '" + org +
                  "', '" + workspace + "', scopes => '[\"logs.view\", \"logs.write\"]')");
      principals_.push_back({member, settings(member + "@test", ""), two_ids(2 * o + w)});
      principals_.push_back({"key of " + workspace, settings("", secret), two_ids(2 * o + w)});
    }
    principals_.push_back({owner, settings(owner + "@test", ""), two_ids(2 * o) + ' ' + two_ids(2 * o + 1)});
    principals_.push_back(
        {"master key of " + org, settings("", master), two_ids(2 * o) + ' ' + two_ids(2 * o + 1)});
  }

  inline static std::vector<Principal> principals_;
};

}  // namespace tenancy::test
