// Sessions that change their principal at random, in every way and at every moment, over whatever plans are
// kept, while somebody else changes rights: each row that comes must be the principal's of its statement.
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "session.hpp"

namespace tenancy::test {
namespace {

constexpr auto how_long = std::chrono::seconds(3);

constexpr const char *function = R"(
CREATE FUNCTION pg_temp.mine() RETURNS TABLE (key text, body text) LANGUAGE plpgsql AS
  $$ BEGIN RETURN QUERY SELECT current_setting('tenancy.api_key'), l.body FROM logs l ORDER BY id DESC LIMIT 3; END $$)";
constexpr std::array prepared = {
    "PREPARE newest AS SELECT current_setting('tenancy.api_key'), body FROM logs ORDER BY id DESC LIMIT 3",
    "PREPARE greatest AS SELECT current_setting('tenancy.api_key'), max(body) FROM logs",
    "PREPARE after (int) AS SELECT current_setting('tenancy.api_key'), body FROM logs WHERE id > $1 ORDER BY "
    "id "
    "DESC LIMIT 2"};

/// The rows that a key's owner may see, by the key's display prefix.
using Bodies = std::map<std::string, std::set<std::string>>;

class Wanderer {
 public:
  Wanderer(const std::string &parameters, std::string parallel, std::vector<std::string> secrets,
           Bodies bodies, unsigned seed)
      : session_(parameters),
        parallel_(std::move(parallel)),
        secrets_(std::move(secrets)),
        bodies_(std::move(bodies)),
        random_(seed) {}

  void wander() {
    prepare();
    const auto end = std::chrono::steady_clock::now() + how_long;
    while (std::chrono::steady_clock::now() < end && wrong.empty() && !lost) step();
  }

  std::string wrong;
  bool lost = false;
  int rows = 0;

 private:
  unsigned upto(unsigned n) { return static_cast<unsigned>(random_()) % n; }
  const char *one_of(std::initializer_list<const char *> choices) {
    return choices.begin()[upto(static_cast<unsigned>(choices.size()))];
  }
  std::string secret() { return upto(5) == 0 ? one_of({"", "pgt_bad"}) : secrets_[upto(2)]; }

  void prepare() {
    tell(function);
    for (const char *statement : prepared) tell(statement);
  }

  Outcome tell(const std::string &sql) {
    trace_.push_back(sql);
    if (trace_.size() > 12) trace_.erase(trace_.begin());
    Outcome outcome = session_.query(sql);
    if (outcome.error == "lost") lost = true;
    return outcome;
  }

  // Rows of key and body. Errors are as good: what has changed under a statement may end it.
  void look(const std::string &sql) {
    const Outcome outcome = tell(sql);
    if (!outcome.error.empty()) return;
    size_t begin = 0;
    while (begin < outcome.rows.size()) {
      const size_t end = std::min(outcome.rows.find(' ', begin), outcome.rows.size());
      const std::string row = outcome.rows.substr(begin, end - begin);
      const std::string key = row.substr(0, row.find('|'));
      const std::string body = row.substr(row.find('|') + 1);
      begin = end + 1;
      if (body.empty()) continue;
      rows++;
      const auto owner = bodies_.find(key);
      if (owner != bodies_.end() && owner->second.count(body) > 0) continue;
      wrong = "key \"" + key + "\" got \"" + body + "\" after";
      for (const std::string &told : trace_) wrong += "\n  " + told;
    }
  }

  void step() {
    const std::string key = secret();
    switch (upto(26)) {
      case 0:
        tell("SET tenancy.api_key = '" + key + "'");
        break;
      case 1:
        tell("SET LOCAL tenancy.api_key = '" + key + "'");
        break;
      case 2:
        tell("BEGIN");
        break;
      case 3:
        tell(one_of({"COMMIT", "ROLLBACK"}));
        break;
      case 4:
        tell("SAVEPOINT s");
        break;
      case 5:
        tell(one_of({"ROLLBACK TO s", "RELEASE s"}));
        break;
      case 6:
        tell(one_of({"RESET tenancy.api_key", "RESET ALL"}));
        break;
      case 7:
        tell(one_of({"SET tenancy.share_plans = on", "SET tenancy.share_plans = off"}));
        break;
      case 8:
        tell(one_of({"SET plan_cache_mode = force_generic_plan", "SET plan_cache_mode = auto"}));
        break;
      case 9:
        tell(one_of({"SET statement_timeout = 0", "SET statement_timeout = 0", "SET statement_timeout = 1",
                     "SET statement_timeout = 2"}));
        break;
      case 10:
        tell("DO $$ BEGIN PERFORM set_config('tenancy.api_key', '" + key + "', " + one_of({"true", "false"}) +
             "); PERFORM count(*) FROM logs; IF random() < 0.5 THEN RAISE EXCEPTION 'x'; END IF; EXCEPTION "
             "WHEN OTHERS "
             "THEN NULL; END $$");
        break;
      case 11:
        tell("SELECT set_config('tenancy.api_key', '" + key + "', false), * FROM pg_temp.mine()");
        break;
      case 12:
        if (upto(4) == 0) tell("SET " + parallel_ + " = " + one_of({"on", "off", "off"}));
        break;
      case 13:
        look("WITH x AS MATERIALIZED (SELECT set_config('tenancy.api_key', '" + key +
             "', false) AS key) SELECT x.key, l.body FROM x, LATERAL (SELECT body FROM logs WHERE x.key IS "
             "NOT NULL "
             "LIMIT 2) l");
        break;
      case 14:
        if (upto(8) != 0) break;
        tell("DISCARD ALL");
        prepare();
        break;
      case 15:
        tell("DECLARE c CURSOR FOR SELECT current_setting('tenancy.api_key'), body FROM logs");
        tell("SET LOCAL tenancy.api_key = '" + key + "'");
        look("FETCH 2 FROM c");
        tell("CLOSE c");
        break;
      case 16:
      case 17:
        look("EXECUTE newest");
        break;
      case 18:
        look("EXECUTE greatest");
        break;
      case 19:
        look("EXECUTE after (" + std::to_string(upto(8)) + ")");
        break;
      case 20:
      case 21:
        look("SELECT * FROM pg_temp.mine()");
        break;
      case 22:
        look("SELECT current_setting('tenancy.api_key'), body FROM logs ORDER BY id DESC LIMIT 3");
        break;
      default:
        tell("SET statement_timeout = 0");
    }
  }

  Session session_;
  std::string parallel_;
  std::vector<std::string> secrets_;
  Bodies bodies_;
  std::mt19937 random_;
  std::vector<std::string> trace_;
};

class Stress : public World {};

TEST_F(Stress, EachRowIsThePrincipals) {
  Session dba(as_dba());
  const std::string parallel =
      dba.run("SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
  std::vector<std::string> secrets;
  Bodies bodies;
  {
    Session app(as_app());
    app.run("SELECT count(*) FROM logs");  // loads the module, which then shows keys by their prefix
    for (const char *name : {"key of w00", "key of w10"}) {
      const std::string &settings = principal(name).settings;
      app.run(settings);
      const size_t begin = settings.find("api_key = '") + sizeof("api_key = '") - 1;
      secrets.push_back(settings.substr(begin, settings.find('\'', begin) - begin));
      bodies[app.run("SHOW tenancy.api_key")].insert(name + sizeof("key of ") - 1);
    }
    ASSERT_EQ(bodies.size(), 2u);
    ASSERT_EQ(app.run("SELECT DISTINCT body FROM logs"), "w10");
  }
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));

  // A row of the other one would be noticed: to whoever takes the one for the other, each is.
  Bodies swapped = bodies;
  std::swap(swapped.begin()->second, swapped.rbegin()->second);
  Wanderer mistaken(as_app(), parallel, secrets, swapped, seed);
  mistaken.wander();
  EXPECT_NE(mistaken.wrong, "");

  std::vector<std::unique_ptr<Wanderer>> wanderers;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; i++)
    wanderers.push_back(std::make_unique<Wanderer>(as_app(), parallel, secrets, bodies, seed + i));
  std::atomic<bool> done = false;
  threads.reserve(wanderers.size() + 1);
  for (auto &wanderer : wanderers) threads.emplace_back([&wanderer] { wanderer->wander(); });
  // Rights that change meanwhile, and change back, and plans that are dropped because of it.
  std::thread changes([&done] {
    Session session(as_dba());
    while (!done) {
      session.query("SELECT tenancy.set_setting('org0', 'members_view_logs', false)");
      session.query("UPDATE tenancy.api_keys SET expires_at = NULL WHERE name = 'key'");
      session.query("ANALYZE logs");
      session.query("SELECT tenancy.reset_setting('org0', 'members_view_logs')");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  for (std::thread &thread : threads) thread.join();
  done = true;
  changes.join();

  for (const auto &wanderer : wanderers) {
    EXPECT_EQ(wanderer->wrong, "");
    EXPECT_FALSE(wanderer->lost);
    EXPECT_GT(wanderer->rows, 0);
  }
}

}  // namespace
}  // namespace tenancy::test
