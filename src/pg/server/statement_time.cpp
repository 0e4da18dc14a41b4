#include "pg/server/statement_time.hpp"

namespace tenancy::pg {
namespace {

struct {
  TimestampTz latest;  // moment seen
  bool is_watched;
} state{};

}  // namespace

TimestampTz statement_time() {
  return Max(state.latest, Max(GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp()));
}

void read_clock() {
  // A worker goes on with what its leader has begun.
  if (IsParallelWorker()) return;
  state.latest = Max(statement_time(), GetCurrentTimestamp());
}

void begin_statement() {
  if (state.is_watched) read_clock();
}

void watch_clock() { state.is_watched = true; }

}  // namespace tenancy::pg
