#include "pg/catalog/generation.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace tenancy::pg {

// The bridge's; nothing here needs to know what is in it.
struct PrincipalTexts {};

namespace {

Uuid id_of(std::uint8_t number) {
  return Uuid{{0x5d, number, 0x11, 0, 0, 0, 0x40, 0, 0x80, 1, 2, 3, 4, 5, number, 7}};
}

struct Observed {
  int catalogs = 0;
  int parameters = 0;
  int principals = 0;
  const PrincipalTexts *next = nullptr;
} observed;

void observe(Change change, const PrincipalTexts *next) {
  observed.catalogs += change == Change::catalogs;
  observed.parameters += change == Change::parameters;
  observed.principals += change == Change::principal;
  observed.next = next;
}

struct GenerationTest : testing::Test {
  // Removes subscriptions of other tests.
  GenerationTest() {
    definitions_changed();
    subscribe(start_read(), Audience::organization, id_of(255));
    observe_generations(observe);
    observed = {};
  }
};

TEST_F(GenerationTest, TokenOfZerosIsNotValid) {
  EXPECT_FALSE(CatalogToken{}.valid());
  EXPECT_FALSE(DefinitionToken{}.valid());
  EXPECT_FALSE(ParameterToken{}.valid());
  EXPECT_FALSE(SessionToken{}.valid());
}

struct Tokens {
  DefinitionToken definitions = DefinitionToken::now();
  CatalogToken catalogs = CatalogToken::now();
  ParameterToken parameters = ParameterToken::now();
  SessionToken session = SessionToken::now();

  std::vector<bool> valid() const {
    return {definitions.valid(), catalogs.valid(), parameters.valid(), session.valid()};
  }
};

TEST_F(GenerationTest, EachChangeInvalidatesItsDependents) {
  const PrincipalTexts texts{};
  const struct {
    void (*change)();
    std::vector<bool> still_valid;
  } cases[] = {{[] {}, {true, true, true, true}},
               {catalogs_changed, {true, false, true, false}},
               {definitions_changed, {false, false, true, false}},
               {parameters_changed, {true, true, false, false}},
               {[] { principal_changed(PrincipalTexts{}); }, {true, true, false, false}},
               {[] { expire_catalog_tokens(); }, {true, false, true, false}},
               {[] { expire_definition_tokens(); }, {false, true, true, true}}};
  for (const auto &one : cases) {
    const Tokens tokens;
    one.change();
    EXPECT_EQ(tokens.valid(), one.still_valid);
    EXPECT_EQ(Tokens{}.valid(), (std::vector<bool>{true, true, true, true}));
  }
  EXPECT_EQ(observed.catalogs, 2);
  EXPECT_EQ(observed.parameters, 1);
  EXPECT_EQ(observed.principals, 1);
  principal_changed(texts);
  EXPECT_EQ(observed.next, &texts);
}

TEST_F(GenerationTest, ListsAreSubscribedToUntilSomethingChanges) {
  EXPECT_FALSE(is_subscribed(IdList::workspaces));
  subscribe(IdList::workspaces);
  EXPECT_TRUE(is_subscribed(IdList::workspaces));
  EXPECT_FALSE(is_subscribed(IdList::user_keys));
  catalogs_changed();
  EXPECT_FALSE(is_subscribed(IdList::workspaces));
}

TEST_F(GenerationTest, CatalogThatIsNewToTheSessionMayHaveBeenMissed) {
  const ReadStart quiet = start_read();
  subscribe_to_catalog(quiet);
  EXPECT_TRUE(quiet.token.valid());
  notification_received();
  subscribe_to_catalog(quiet);
  EXPECT_FALSE(quiet.token.valid());
}

TEST_F(GenerationTest, TopicsAreSpreadAndStayBelowTheBit) {
  std::set<Topic> topics;
  for (int i = 0; i < 200; i++)
    for (const Audience audience : {Audience::organization, Audience::user}) {
      const Topic topic = topic_of(audience, id_of(static_cast<std::uint8_t>(i)));
      EXPECT_EQ(topic >> topic_bits, 0U);
      topics.insert(topic % 32768);
    }
  EXPECT_GT(topics.size(), 390U);
}

// Sessions and organizations as in life: others commit changes, whose notifications arrive later and at any
// moment; the session reads, subscribes and keeps. Once all notifications are there, whatever has a valid
// token is true.
struct Life {
  static constexpr int organizations = 4;
  int versions[organizations] = {};
  std::deque<std::optional<int>> notifications;  // of an organization, or of all

  struct Kept {
    int organization;
    int version;
    CatalogToken token;
  };
  std::vector<Kept> kept;
  struct Read {
    ReadStart start;
    int versions[organizations];
  };
  std::optional<Read> read;

  void change(int organization, bool for_everybody) {
    versions[organization]++;
    notifications.push_back(for_everybody ? std::nullopt : std::optional(organization));
  }

  void receive() {
    if (notifications.empty()) return;
    notification_received();
    const std::optional<int> organization = notifications.front();
    notifications.pop_front();
    if (!organization)
      definitions_changed();
    else if (topic_notification_received(
                 topic_of(Audience::organization, id_of(static_cast<std::uint8_t>(*organization)))))
      catalogs_changed();
  }

  void begin() {
    read = Read{start_read(), {}};
    std::copy(std::begin(versions), std::end(versions), std::begin(read->versions));
  }

  void keep(int organization) {
    subscribe(read->start, Audience::organization, id_of(static_cast<std::uint8_t>(organization)));
    kept.push_back({organization, read->versions[organization], read->start.token});
    read.reset();
  }

  int valid_and_wrong() const {
    int count = 0;
    for (const Kept &one : kept) count += one.token.valid() && one.version != versions[one.organization];
    return count;
  }
};

TEST_F(GenerationTest, NothingThatIsKeptIsWrongOnceAllMessagesHaveArrived) {
  int kept_valid = 0;
  for (unsigned seed = 0; seed < 500; seed++) {
    std::mt19937 random(seed);
    const auto below = [&random](int count) {
      return static_cast<int>(random() % static_cast<unsigned>(count));
    };
    Life life;
    for (int step = 0; step < 200; step++) {
      switch (below(6)) {
        case 0:
          life.change(below(Life::organizations), below(10) == 0);
          break;
        case 1:
        case 2:
          life.receive();
          break;
        default:
          if (life.read)
            life.keep(below(Life::organizations));
          else
            life.begin();
          break;
      }
      if (!life.notifications.empty()) continue;
      ASSERT_EQ(life.valid_and_wrong(), 0) << "seed " << seed << ", step " << step;
      for (const Life::Kept &one : life.kept) kept_valid += one.token.valid();
    }
  }
  EXPECT_GT(kept_valid, 10000);  // or the test says nothing
}

TEST_F(GenerationTest, ChangesOfOthersInvalidateNothing) {
  Life life;
  life.begin();
  life.keep(0);
  for (int i = 0; i < 100; i++) {
    life.change(1 + i % 3, false);
    life.receive();
  }
  EXPECT_TRUE(life.kept.front().token.valid());
  EXPECT_EQ(observed.catalogs, 0);
  life.change(0, false);
  life.receive();
  EXPECT_FALSE(life.kept.front().token.valid());
  EXPECT_EQ(observed.catalogs, 1);
}

}  // namespace
}  // namespace tenancy::pg
