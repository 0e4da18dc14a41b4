// Tenants, and principals of every kind. What each may see is worked out here, from how the world is made;
// the extension is not asked.
#pragma once

#include <unistd.h>

#include <random>

#include "pool/clients.hpp"
#include "pool/pgbouncer.hpp"

namespace tenancy::test {

/// The principal settings with their values. Several, since a user may have to choose an organization.
using Settings = std::vector<std::pair<std::string, std::string>>;

struct PoolPrincipal {
  std::string name;
  Settings settings;
  Ids ids;
};

/// A database of its own and logins in it, which differ in how long a principal counts, and more.
class PoolWorld : public testing::Test {
 protected:
  static constexpr int organizations = 6;
  static constexpr int workspaces = 3;  // in each
  static constexpr int members = 2;     // in each
  static constexpr int rows = 3;        // of each member, and of nobody in particular

  static void SetUpTestSuite() {
    const std::string id = std::to_string(getpid());
    database_ = "tenancy_pool_" + id;
    session_login_ = database_ + "_s";
    transaction_login_ = database_ + "_t";
    sharing_login_ = database_ + "_p";
    bound_login_ = database_ + "_b";
    unloaded_login_ = database_ + "_u";
    Session server("");
    ASSERT_TRUE(server.connected()) << server.connection_error();
    server.run("CREATE DATABASE " + database_);
    for (const std::string &login : logins()) server.run("CREATE ROLE " + login + " LOGIN");
    fill();
    server.run("ALTER ROLE " + sharing_login_ + " SET tenancy.share_plans = on");
    for (const std::string &login : {transaction_login_, sharing_login_, bound_login_, unloaded_login_})
      server.run("ALTER ROLE " + login + " SET tenancy.principal_lifetime = transaction");
    for (const std::string &login : {session_login_, transaction_login_, sharing_login_, bound_login_})
      server.run("ALTER ROLE " + login + " SET session_preload_libraries = 'pg_tenancy'");
  }

  static void TearDownTestSuite() {
    Session server("");
    server.run("DROP DATABASE " + database_ + " WITH (FORCE)");
    for (const std::string &login : logins()) server.run("DROP ROLE " + login);
    principals_.clear();
    table_.clear();
  }

  static std::vector<std::string> logins() {
    return {session_login_, transaction_login_, sharing_login_, bound_login_, unloaded_login_};
  }
  static const std::vector<PoolPrincipal> &principals() { return principals_; }
  static const Ids &ids_of(const std::string &name) {
    for (const PoolPrincipal &one : principals_)
      if (one.name == name) return one.ids;
    ADD_FAILURE() << "no principal " << name;
    return principals_.front().ids;
  }
  static std::string as(const std::string &login) { return "dbname=" + database_ + " user=" + login; }

  inline static std::string database_;
  /// principal_lifetime = session, which is the default
  inline static std::string session_login_;
  /// principal_lifetime = transaction
  inline static std::string transaction_login_;
  /// the same, and plans are shared
  inline static std::string sharing_login_;
  /// lifetime transaction, bound to member 0 of workspace 0 of organization 0
  inline static std::string bound_login_;
  /// lifetime transaction, and the module is not loaded with the connection
  inline static std::string unloaded_login_;

 private:
  struct Row {
    int id, organization, workspace, member;
  };
  static constexpr int none = -1;

  template <typename Condition>
  static Ids where(Condition condition) {
    Ids ids;
    for (const Row &row : table_)
      if (condition(row)) ids.insert(row.id);
    return ids;
  }

  static void insert(Session &dba, int o, int w, int m, const std::string &slug, const std::string &email) {
    for (int r = 0; r < rows; r++) {
      table_.push_back({static_cast<int>(table_.size()) + 1, o, w, m});
      dba.run("INSERT INTO logs SELECT " + std::to_string(table_.size()) +
              ", organization_id, (SELECT workspace_id FROM tenancy.workspaces WHERE slug = '" + slug +
              "'), (SELECT user_id FROM tenancy.users WHERE email = '" + email +
              "') FROM tenancy.organizations WHERE slug = 'org" + std::to_string(o) + "'");
    }
  }

  static void fill() {
    Session dba("dbname=" + database_);
    dba.run("CREATE EXTENSION pg_tenancy");
    dba.run(
        "CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid); "
        "SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id'); "
        "GRANT SELECT ON logs TO PUBLIC; "
        "SELECT tenancy.create_user('guest@test')");
    for (const std::string &login : {session_login_, transaction_login_, sharing_login_, unloaded_login_})
      dba.run("SELECT tenancy.trust_login('" + login + "')");
    principals_.push_back({"nobody", {}, {}});
    for (int o = 0; o < organizations; o++) fill_organization(dba, o);
    dba.run("SELECT tenancy.bind_login('" + bound_login_ + "', 'member000@test')");
  }

  static std::string new_key(Session &dba, const std::string &kind, const std::string &org,
                             const std::string &workspace, const std::string &member) {
    const auto given = [](const std::string &value) { return value.empty() ? "NULL" : "'" + value + "'"; };
    return dba.run("SELECT secret FROM tenancy.create_api_key('" + kind + "', 'k', '" + org + "', " +
                   given(workspace) + ", " + given(member) + ", '[\"logs.view\"]')");
  }

  static void fill_organization(Session &dba, int o) {
    const std::string org = "org" + std::to_string(o);
    const std::string owner = "owner" + std::to_string(o) + "@test";
    // Members of every other organization are restricted to their own rows.
    const bool own_rows_only = o % 2 == 1;
    const std::string master =
        dba.run("SELECT master_key FROM tenancy.create_organization('" + org + "', '" + owner + "')");
    dba.run("SELECT tenancy.set_setting('" + org + "', 'members_view_all_data', " +
            (own_rows_only ? "false" : "true") + ")");
    dba.run("SELECT tenancy.set_organization_role('" + org + "', 'guest@test', 'member')");
    insert(dba, o, none, none, "", "");
    const size_t first = principals_.size();
    const auto add = [](const std::string &name, const Settings &settings) {
      principals_.push_back({name, settings, {}});
    };
    std::vector<std::function<bool(const Row &)>> conditions;
    const auto add_if = [&](const std::string &name, const Settings &settings, auto condition) {
      add(name, settings);
      conditions.emplace_back(condition);
    };
    const auto in_organization = [o](const Row &row) { return row.organization == o; };
    add_if("master key of " + org, {{"api_key", master}}, in_organization);
    add_if("service key of " + org, {{"api_key", new_key(dba, "organization_service_key", org, "", "")}},
           in_organization);
    add_if(owner, {{"user", owner}}, in_organization);
    for (int w = 0; w < workspaces; w++) {
      const std::string workspace = "w" + std::to_string(o) + std::to_string(w);
      const auto in_workspace = [o, w](const Row &row) {
        return row.organization == o && row.workspace == w;
      };
      dba.run("SELECT tenancy.create_workspace('" + org + "', '" + workspace + "')");
      insert(dba, o, w, none, workspace, "");
      add_if("service key of " + workspace,
             {{"api_key", new_key(dba, "workspace_service_key", org, workspace, "")}}, in_workspace);
      add_if(owner + " in " + workspace, {{"user", owner}, {"workspace", workspace}}, in_workspace);
      for (int m = 0; m < members; m++) {
        const std::string member = "member" + std::to_string(o) + std::to_string(w) + std::to_string(m);
        dba.run("SELECT tenancy.create_user('" + member + "@test')");
        dba.run("SELECT tenancy.set_organization_role('" + org + "', '" + member + "@test', 'member')");
        dba.run("SELECT tenancy.set_workspace_role('" + org + "/" + workspace + "', '" + member +
                "@test', 'member')");
        insert(dba, o, w, m, workspace, member + "@test");
        const auto seen = [=](const Row &row) {
          return in_workspace(row) && (!own_rows_only || row.member == m);
        };
        add_if(member, {{"user", member + "@test"}}, seen);
        add_if("key of " + member,
               {{"api_key", new_key(dba, "workspace_user_key", org, workspace, member + "@test")}}, seen);
      }
    }
    // A user of all organizations, who has to choose one.
    dba.run("SELECT tenancy.set_workspace_role('" + org + "/w" + std::to_string(o) +
            "0', 'guest@test', 'member')");
    add_if("guest in " + org, {{"user", "guest@test"}, {"organization", org}},
           [=](const Row &row) { return row.organization == o && row.workspace == 0 && !own_rows_only; });
    for (size_t i = 0; i < conditions.size(); i++) principals_[first + i].ids = where(conditions[i]);
  }

  inline static std::vector<PoolPrincipal> principals_;
  inline static std::vector<Row> table_;
};

}  // namespace tenancy::test
