# shellcheck shell=bash
# A transaction-mode pooler's traffic: each transaction is somebody else's, by a transaction-local setting, and reads
# one page.

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

pool_script() {
  local folder=$BENCH_DIR/pgbench
  [[ $1 == simple ]] || folder+=/$1
  printf '%s' "$folder/$2.sql"
}

run_pool() {
  local round case mode alternative options name script latency cpu
  for ((round = 0; round < ROUNDS; round++)); do
    progress "pool, round $((round + 1)) of $ROUNDS"
    while IFS= read -r case; do
      IFS='|' read -r mode alternative options name <<<"$case"
      sql -o /dev/null -c "SELECT bench.use_alternative('$alternative', 'restricted member')"
      script=$(pool_script "$mode" "$alternative")
      read -r latency cpu < <(PGOPTIONS=$options pgbench_times -M "$mode" -f "$script")
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
           bench.shown_ratio(l.area, l.subject, l.alternative, 'hand-written', l.metric),
           bench.shown(c.median, c.lower, c.upper),
           bench.shown_ratio(c.area, c.subject, c.alternative, 'hand-written', c.metric), l.samples
    FROM bench.summary l JOIN bench.summary c USING (area, subject, alternative)
    WHERE area = 'pool' AND l.metric = 'µs' AND c.metric = 'CPU µs' ORDER BY subject DESC, alternative"
  plot_link server-time
}

goals_of_pool() {
  sql -F '~' -c "
    SELECT format('Another principal in each transaction, %s%s: transactions a second against hand-written', protocol,
                  CASE alternative WHEN 'pg_tenancy' THEN '' ELSE ', share_plans' END),
           '≥ 0.95', bench.shown(r) || '; per CPU time ' || bench.shown(c), r >= 0.95
    FROM (VALUES ('simple', 'pg_tenancy'), ('prepared', 'pg_tenancy'), ('prepared', 'pg_tenancy, share_plans')) v (protocol, alternative),
         bench.ratio('pool', protocol, 'hand-written', alternative, 'µs') r,
         bench.ratio('pool', protocol, 'hand-written', alternative, 'CPU µs') c"
}
