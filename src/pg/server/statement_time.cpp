#include "pg/server/statement_time.hpp"

namespace tenancy::pg {
namespace {

struct {
  TimestampTz latest;  // moment seen
  bool is_watched;
} state{};

}  // namespace

TimestampTz statement_time() {
  // A worker knows when its leader's message began, and not when the statement did, which can be much later.
  if (state.latest == 0 && IsParallelWorker()) state.latest = GetCurrentTimestamp();
  return Max(state.latest, Max(GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp()));
}

void read_clock() { state.latest = Max(statement_time(), GetCurrentTimestamp()); }

void begin_statement() {
  if (state.is_watched) read_clock();
}

void watch_clock() { state.is_watched = true; }

}  // namespace tenancy::pg
