# shellcheck shell=bash
# A transaction-mode pooler's traffic: each transaction is somebody else's, by a transaction-local setting, and reads
# one page.

SECONDS_EACH=${SECONDS_EACH:-5}

# Mode of pgbench, alternative of bench.alternatives (the script's name, too), settings of the connection, and the name
# in the report.
POOL=(
  'simple|hand-written||hand-written'
  'simple|settings||settings'
  'simple|pg_tenancy||pg_tenancy'
  'prepared|hand-written||hand-written'
  'prepared|settings||settings'
  'prepared|pg_tenancy||pg_tenancy'
  'prepared|pg_tenancy|-c tenancy.share_plans=on|pg_tenancy, share_plans'
)

# CPU time in ticks of all sessions of the server that have ended, when the application's have.
ended_sessions() {
  local postmaster
  until [[ $(sql -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bench_app'") == 0 ]]; do sleep 0.1; done
  sleep 0.2 # from the list of sessions to the end of the process
  postmaster=$(sql -c "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
  awk '{ print $16 + $17 }' "/proc/$postmaster/stat"
}

# Prints the mean latency, and the mean CPU time that the server took, in microseconds.
pgbench_times() {
  local mode=$1 script=$2 options=$3 folder=$BENCH_DIR/pgbench before output
  [[ $mode == simple ]] || folder+=/$mode
  before=$(ended_sessions)
  output=$(PGUSER=bench_app PGOPTIONS="$options" pgbench -n -M "$mode" -c 1 -T "$SECONDS_EACH" \
    -D organizations="$ORGANIZATIONS" -f "$folder/$script.sql" 2>&1) || {
    printf '%s\n' "$output" >&2
    return 1
  }
  awk -v ticks=$(($(ended_sessions) - before)) -v per_second="$(getconf CLK_TCK)" '
    /^number of transactions actually processed/ { transactions = $6 }
    /^latency average/ { latency = $4 * 1000 }
    END { print latency, ticks / per_second * 1e6 / transactions }' <<<"$output"
}

run_pool() {
  local round case mode alternative options name latency cpu
  for ((round = 0; round < ROUNDS; round++)); do
    progress "pool, round $((round + 1)) of $ROUNDS"
    while IFS= read -r case; do
      IFS='|' read -r mode alternative options name <<<"$case"
      sql -o /dev/null -c "SELECT bench.use_alternative('$alternative', 'restricted member')"
      read -r latency cpu < <(pgbench_times "$mode" "$alternative" "$options")
      sql -c "INSERT INTO bench.samples VALUES ('pool', '$mode', '$name', 'µs', $round, $latency),
                                               ('pool', '$mode', '$name', 'CPU µs', $round, $cpu)"
    done < <(round_order "$round" "${POOL[@]}")
  done
  sql -o /dev/null -c "SELECT bench.use_alternative('hand-written', 'nobody')"
}

report_pool() {
  printf '\n## Behind a pooler\n\nMicroseconds for one transaction of four statements (BEGIN, the principal by SET LOCAL or set_config(), '
  printf 'newest 50 rows of a restricted member, COMMIT), seen by pgbench: one client, random members of random '
  printf 'organizations, runs of %s s. "hand-written" sets a setting that nobody reads, ' "$SECONDS_EACH"
  printf 'and filters by the ids; "settings" sets two settings for its policy in one statement. CPU time is that of the '
  printf 'server process, which other programs on the machine disturb less.\n'
  table 'protocol|alternative|µs, median of runs (quartiles)|ratio|CPU µs|ratio|runs' "
    SELECT l.subject, l.alternative, bench.shown(l.median, l.lower, l.upper),
           bench.shown(bench.ratio(l.area, l.subject, l.alternative, 'hand-written', l.metric)),
           bench.shown(c.median, c.lower, c.upper),
           bench.shown(bench.ratio(c.area, c.subject, c.alternative, 'hand-written', c.metric)), l.samples
    FROM bench.summary l JOIN bench.summary c USING (area, subject, alternative)
    WHERE area = 'pool' AND l.metric = 'µs' AND c.metric = 'CPU µs' ORDER BY subject DESC, alternative"
}
