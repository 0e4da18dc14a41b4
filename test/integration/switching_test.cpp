// One session, many principals: whatever way the principal changes, whatever way the query goes, whatever
// kind of plan there is, the rows are those of the principal of the moment.
#include <array>
#include <functional>
#include <random>

#include "session.hpp"

namespace tenancy::test {
namespace {

/// A way for a query on logs to reach the server. All of them have to give the ids that the principal sees,
/// in order.
struct Path {
  const char *name;
  const char *sql;  // nullptr: by the statement that prepare_paths() has prepared
};

constexpr std::array paths = {
    Path{"SQL", "SELECT id FROM logs ORDER BY id"},
    Path{"extended protocol", nullptr},
    Path{"PREPARE", "EXECUTE by_sql(0)"},
    Path{"PREPARE of a join", "EXECUTE of_join(0)"},
    Path{"PL/pgSQL function", "SELECT * FROM by_plpgsql()"},
    Path{"PL/pgSQL expression", "SELECT unnest(by_expression())"},
    Path{"SQL function, inlined", "SELECT * FROM by_inlined() ORDER BY id"},
    Path{"SQL function, not inlined", "SELECT * FROM by_volatile()"},
    Path{"SQL function, new style", "SELECT * FROM by_standard()"},
    Path{"cursor", "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM logs ORDER BY id; FETCH ALL FROM c"},
    Path{"CTE", "WITH l AS MATERIALIZED (SELECT id FROM logs) SELECT id FROM l ORDER BY id"},
    Path{"security_invoker view", "SELECT id FROM as_invoker ORDER BY id"},
    Path{"subquery", "SELECT id FROM (SELECT id FROM logs OFFSET 0) l ORDER BY id"},
    Path{"sublink",
         "SELECT n FROM generate_series(1, 8) n WHERE EXISTS (SELECT FROM logs WHERE id = n) ORDER BY n"},
    Path{"initplan", "SELECT unnest((SELECT array_agg(id ORDER BY id) FROM logs))"},
    Path{"DO",
         "SELECT set_config('app.ids', '', false); DO $$ BEGIN PERFORM set_config('app.ids', (SELECT "
         "coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM logs), false); END $$; SHOW app.ids"},
};

constexpr const char *functions = R"(
CREATE FUNCTION by_plpgsql() RETURNS SETOF int LANGUAGE plpgsql AS
  $$ BEGIN RETURN QUERY SELECT id FROM logs ORDER BY id; END $$;
CREATE FUNCTION by_expression() RETURNS int[] LANGUAGE plpgsql AS
  $$ DECLARE ids int[] := ARRAY(SELECT id FROM logs ORDER BY id); BEGIN RETURN ids; END $$;
CREATE FUNCTION by_inlined() RETURNS TABLE (id int) LANGUAGE sql STABLE AS $$ SELECT id FROM logs $$;
CREATE FUNCTION by_volatile() RETURNS SETOF int LANGUAGE sql VOLATILE AS $$ SELECT id FROM logs ORDER BY id $$;
CREATE FUNCTION by_standard() RETURNS SETOF int LANGUAGE sql VOLATILE BEGIN ATOMIC SELECT id FROM logs ORDER BY id; END;
CREATE VIEW as_invoker WITH (security_invoker) AS SELECT * FROM logs;
GRANT SELECT ON as_invoker TO PUBLIC;
)";

class Switching : public World {
 protected:
  static void SetUpTestSuite() {
    World::SetUpTestSuite();
    Session(as_dba()).run(functions);
  }

  static void prepare_paths(Session &session, const std::string &plan_cache_mode) {
    session.run("SET plan_cache_mode = " + plan_cache_mode);
    session.run("PREPARE by_sql (int) AS SELECT id FROM logs WHERE id > $1 ORDER BY id");
    session.run(
        "PREPARE of_join (int) AS SELECT a.id FROM logs a JOIN logs b USING (id) WHERE a.id > $1 ORDER BY "
        "a.id");
    EXPECT_EQ(session.prepare("extended", "SELECT id FROM logs ORDER BY id").error, "");
  }

  static Outcome ids_by(Session &session, const Path &path) {
    const Outcome outcome = path.sql == nullptr ? session.execute("extended") : session.query(path.sql);
    if (std::string_view(path.name) == "cursor") session.query("CLOSE c");
    return outcome;
  }

  static void expect_all_paths(Session &session, const Principal &who) {
    for (const Path &path : paths)
      EXPECT_EQ(ids_by(session, path), who.ids) << who.name << " by " << path.name;
  }

  /// Runs the test in a new session for each kind of plan, with every path planned (and cached) for somebody
  /// before.
  static void in_every_mode(const std::string &parameters, const std::function<void(Session &)> &test) {
    for (const char *mode : {"auto", "force_generic_plan", "force_custom_plan"}) {
      SCOPED_TRACE(mode);
      Session session(parameters);
      ASSERT_TRUE(session.connected()) << session.connection_error();
      prepare_paths(session, mode);
      for (int i = 0; i < 6; i++)
        for (const Path &path : paths) ids_by(session, path);
      test(session);
      if (testing::Test::HasFailure()) return;
    }
  }
};

std::string local(const Principal &who) {
  std::string sql = who.settings;
  for (size_t at = 0; (at = sql.find("SET ", at)) != std::string::npos; at += 10)
    sql.insert(at + 4, "LOCAL ");
  return sql;
}

TEST_F(Switching, BySet) {
  in_every_mode(as_app(), [](Session &session) {
    for (const Principal &who : principals()) {
      session.run(who.settings);
      expect_all_paths(session, who);
      session.run(nobody().settings);
      expect_all_paths(session, nobody());
    }
    // straight from one to the other
    for (const Principal &who : principals()) {
      session.run(who.settings);
      expect_all_paths(session, who);
    }
  });
}

TEST_F(Switching, BySetLocal) {
  in_every_mode(as_app(), [](Session &session) {
    const Principal &before = principal("member00");
    session.run(before.settings);
    for (const Principal &who : principals()) {
      session.run("BEGIN; " + local(who));
      expect_all_paths(session, who);
      session.run("COMMIT");
      expect_all_paths(session, before);
    }
  });
}

TEST_F(Switching, ByRollback) {
  in_every_mode(as_app(), [](Session &session) {
    const Principal &before = principal("member00");
    session.run(before.settings);
    for (const Principal &who : principals()) {
      session.run("BEGIN; " + who.settings);
      expect_all_paths(session, who);
      session.run("ROLLBACK");
      expect_all_paths(session, before);
      // an error rolls back, too
      session.run("BEGIN; " + who.settings);
      expect_all_paths(session, who);
      EXPECT_EQ(session.query("SELECT 1 / 0").error, "22012");
      session.run("ROLLBACK");
      expect_all_paths(session, before);
    }
  });
}

TEST_F(Switching, ByRollbackToSavepoint) {
  in_every_mode(as_app(), [](Session &session) {
    const Principal &before = principal("member00");
    session.run(before.settings);
    for (const Principal &who : principals()) {
      session.run("BEGIN; SAVEPOINT outer_one; " + who.settings + "; SAVEPOINT inner_one; " +
                  local(nobody()));
      expect_all_paths(session, nobody());
      session.run("ROLLBACK TO inner_one");
      expect_all_paths(session, who);
      session.run("ROLLBACK TO outer_one");
      expect_all_paths(session, before);
      session.run("COMMIT");
      expect_all_paths(session, before);
    }
  });
}

TEST_F(Switching, ByReset) {
  in_every_mode(as_app(), [](Session &session) {
    for (const char *reset : {"RESET \"tenancy.user\"; RESET tenancy.api_key", "RESET ALL",
                              "SET \"tenancy.user\" TO DEFAULT; SET tenancy.api_key TO DEFAULT"})
      for (const Principal &who : principals()) {
        session.run(who.settings);
        expect_all_paths(session, who);
        session.run(reset);
        expect_all_paths(session, nobody());
      }
  });
}

// The statements are gone as well, PL/pgSQL's plans are not.
TEST_F(Switching, ByDiscardAll) {
  in_every_mode(as_app(), [](Session &session) {
    for (const Principal &who : principals()) {
      session.run(who.settings);
      expect_all_paths(session, who);
      session.run("DISCARD ALL");
      prepare_paths(session, "auto");
      expect_all_paths(session, nobody());
    }
  });
}

TEST_F(Switching, ByFunctionWithSetClause) {
  {
    Session dba(as_dba());
    int n = 0;
    for (const Principal &who : principals())
      dba.run("CREATE FUNCTION as_" + std::to_string(n++) +
              "() RETURNS SETOF int LANGUAGE plpgsql SET \"tenancy.user\" = '" +
              (who.name.find("key") == std::string::npos && who.name != "nobody" ? who.name + "@test" : "") +
              "' AS $$ BEGIN RETURN QUERY SELECT * FROM by_plpgsql(); END $$");
  }
  in_every_mode(as_app(), [](Session &session) {
    const Principal &before = principal("owner1");
    session.run(before.settings);
    int n = 0;
    for (const Principal &who : principals()) {
      const bool is_user = who.name.find("key") == std::string::npos;
      const std::string ids = is_user ? who.ids : "";
      EXPECT_EQ(session.query("SELECT * FROM as_" + std::to_string(n++) + "()"), ids) << who.name;
      expect_all_paths(session, before);
    }
  });
}

// The same role runs the query, and another login has come: only a superuser can do this.
TEST_F(Switching, BySessionAuthorization) {
  const Principal bound{"bound login", "", principal("member00").ids};
  in_every_mode(as_dba(), [&](Session &session) {
    for (int round = 0; round < 3; round++) {
      session.run("SET SESSION AUTHORIZATION " + bound_);
      expect_all_paths(session, bound);
      session.run("SET SESSION AUTHORIZATION " + app_);
      expect_all_paths(session, nobody());
      session.run(principal("owner1").settings);
      expect_all_paths(session, principal("owner1"));
      session.run(nobody().settings + "; RESET SESSION AUTHORIZATION");
    }
  });
}

// SET ROLE to the same role under different logins: neither the role that the plan was made for nor a setting
// tells them apart. The guard does: a row of the other login's is an error, and where there is none, nothing
// is seen.
TEST_F(Switching, BySessionAuthorizationUnderOneRole) {
  Session(as_dba()).run("GRANT " + app_ + " TO " + bound_);
  in_every_mode(as_dba(), [&](Session &session) {
    const auto expect = [&](const std::string &ids) {
      for (const Path &path : paths) {
        const Outcome outcome = ids_by(session, path);
        if (!outcome.error.empty()) {
          EXPECT_EQ(outcome.error, "55000") << path.name;
        } else if (!outcome.rows.empty()) {
          EXPECT_EQ(outcome.rows, ids) << path.name;
        }
      }
    };
    for (int round = 0; round < 3; round++) {
      session.run("SET SESSION AUTHORIZATION " + bound_ + "; SET ROLE " + app_);
      expect(principal("member00").ids);
      session.run("RESET ROLE; SET SESSION AUTHORIZATION " + app_);
      expect("");
    }
  });
  Session(as_dba()).run("REVOKE " + app_ + " FROM " + bound_);
}

// A pool hands any connection to anybody. Some clean up behind them, some don't.
TEST_F(Switching, InAPool) {
  std::mt19937 random(20240613);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  std::vector<std::unique_ptr<Session>> pool;
  for (const char *mode : {"auto", "force_generic_plan", "auto", "force_custom_plan"}) {
    pool.push_back(std::make_unique<Session>(as_app()));
    prepare_paths(*pool.back(), mode);
  }
  for (int i = 0; i < 2000; i++) {
    Session &session = *pool[below(pool.size())];
    const Principal &who = principals()[below(principals().size())];
    const bool transaction = below(2) == 0;
    session.run(transaction ? "BEGIN; " + local(who) : who.settings);
    for (size_t j = below(4); j-- > 0;) {
      const Path &path = paths[below(paths.size())];
      ASSERT_EQ(ids_by(session, path), who.ids) << who.name << " by " << path.name << ", step " << i;
    }
    if (transaction) session.run(below(2) == 0 ? "COMMIT" : "ROLLBACK");
  }
}

// An open cursor continues with its principal's rows after a change of principal, or raises an error.
TEST_F(Switching, WithAnOpenCursor) {
  Session session(as_app());
  for (const char *sql :
       {"SELECT id FROM logs", "SELECT id FROM logs ORDER BY id", "SELECT id FROM logs ORDER BY body, id"})
    for (const Principal &next : principals()) {
      session.run(principal("owner0").settings);
      session.run("BEGIN; DECLARE c CURSOR FOR " + std::string(sql));
      EXPECT_EQ(session.query("FETCH 1 FROM c"), "1");
      session.run(next.settings);
      const Outcome rest = session.query("FETCH ALL FROM c");
      if (rest.error.empty())
        EXPECT_EQ(rest.rows, "2 3 4") << next.name;
      else
        EXPECT_EQ(rest.error, "55000") << next.name;
      session.run("ROLLBACK");
    }
}

// One query that changes the principal on its way: its plan was made for the first one, and stops.
TEST_F(Switching, InsideAQuery) {
  Session session(as_app());
  session.run(principal("owner0").settings);
  const Outcome outcome = session.query(
      "SELECT id FROM (SELECT set_config('tenancy.user', 'member10@test', false) OFFSET 0) s, logs ORDER BY "
      "id");
  EXPECT_EQ(outcome.error, "55000") << outcome;
  EXPECT_EQ(session.query("SELECT id FROM logs ORDER BY id"), "1 2 3 4") << "the setting is rolled back";
}

}  // namespace
}  // namespace tenancy::test
