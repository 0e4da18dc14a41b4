# shellcheck shell=bash
# A transaction-mode pooler's traffic: each transaction is somebody else's, by SET LOCAL, and reads one page.

SECONDS_EACH=${SECONDS_EACH:-5}

# Alternative of bench.alternatives, and the pgbench script that goes with it.
POOL=(hand-written settings pg_tenancy)

# Prints the mean latency in microseconds.
pgbench_latency() {
  local output
  output=$(PGUSER=bench_app pgbench -n -M simple -c 1 -T "$SECONDS_EACH" -D organizations="$ORGANIZATIONS" \
    -f "$BENCH_DIR/pgbench/$1.sql" 2>&1) || {
    printf '%s\n' "$output" >&2
    return 1
  }
  awk '/^latency average/ { print $4 * 1000 }' <<<"$output"
}

run_pool() {
  local round alternative latency
  for ((round = 0; round < ROUNDS; round++)); do
    progress "pool, round $((round + 1)) of $ROUNDS"
    while IFS= read -r alternative; do
      sql -o /dev/null -c "SELECT bench.use_alternative('$alternative', 'restricted member')"
      latency=$(pgbench_latency "$alternative")
      sql -c "INSERT INTO bench.samples
              VALUES ('pool', 'SET LOCAL and a page', '$alternative', 'µs', $round, $latency)"
    done < <(round_order "$round" "${POOL[@]}")
  done
  sql -o /dev/null -c "SELECT bench.use_alternative('hand-written', 'nobody')"
}

report_pool() {
  printf '\n## Behind a pooler\n\nMicroseconds for one transaction of four statements (BEGIN, SET LOCAL, newest 50 rows of a '
  printf 'restricted member, COMMIT), seen by pgbench: one client, simple protocol, random members of random '
  printf 'organizations, runs of %s s. "hand-written" sets a setting that nobody reads, ' "$SECONDS_EACH"
  printf 'and filters by constants; "settings" sets two settings for its policy in one statement.\n'
  table 'alternative|µs, median of runs (quartiles)|ratio|runs' "
    SELECT s.alternative, bench.shown(median, lower, upper),
           bench.shown(bench.ratio(area, subject, s.alternative, 'hand-written', metric)), samples
    FROM bench.summary s JOIN bench.alternatives USING (alternative) WHERE area = 'pool' ORDER BY position"
}
