// Many clients at once, in one thread: each runs a list of statements over a connection of its own, and every
// answer is checked against what is known beforehand.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "integration/session.hpp"

namespace tenancy::test {

using Ids = std::set<int>;

/// A statement and what must come back: any column "id" has exactly `ids`, any column "count" their number.
struct Step {
  std::string sql;
  Ids ids;
  std::vector<std::string> values;  // of $1, $2 ...: by the extended protocol
  std::string error;                // or this SQLSTATE
};
using Script = std::vector<Step>;

/// Other results.
struct Report {
  int statements = 0;
  int answers = 0;  // statements whose rows were checked, ...
  int rows = 0;     // ... and how many rows these were
  int foreign_rows = 0;
  int missing_rows = 0;
  int wrong_counts = 0;
  std::string problem;  // the first one that is no matter of rows
};

/// Runs `count` clients to their ends; a client asks `next` for script after script until there is none.
Report run_clients(int count, const std::function<std::string(int client)> &parameters,
                   const std::function<std::optional<Script>(int client)> &next);

}  // namespace tenancy::test
