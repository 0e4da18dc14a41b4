# shellcheck shell=bash
# A program that connects, asks once and goes: from the start of the connection to the last row of a page, as a BI tool
# does that is given a key in its connection settings.

CONNECTION_ALTERNATIVES=(hand-written settings pg_tenancy)

# Prints the connection options by which an alternative learns who it is.
connection_options() {
  case $1 in
    hand-written) printf '' ;;
    settings)
      sql -c "SELECT format('-c app.principal=%s -c app.workspace=%s', bench.user_id(1, 24), bench.workspace_id(1, 1))"
      ;;
    pg_tenancy)
      sql -c "SELECT '-c tenancy.api_key=' || secret FROM bench.keys WHERE api_key_id = bench.user_key_id(1, 24)"
      ;;
  esac
}

run_connection() {
  local round alternative filter script options latency cpu
  for ((round = 0; round < ROUNDS; round++)); do
    progress "connection, round $((round + 1)) of $ROUNDS"
    while IFS= read -r alternative; do
      sql -o /dev/null -c "SELECT bench.use_alternative('$alternative', 'restricted member')"
      filter=
      [[ $alternative != hand-written ]] ||
        filter=" WHERE $(sql -c "SELECT filter FROM bench.principals WHERE principal = 'restricted member'")"
      script=$(query_text 'newest 50' "$filter" | tr '\n' ' ')
      options=$(connection_options "$alternative")
      # -C: a connection for each transaction.
      read -r latency cpu < <(PGOPTIONS=$options pgbench_times -C -f <(printf '%s;\n' "$script"))
      sql -c "INSERT INTO bench.samples VALUES ('connection', 'a page', '$alternative', 'µs', $round, $latency),
                                               ('connection', 'a page', '$alternative', 'CPU µs', $round, $cpu)"
    done < <(round_order "$round" "${CONNECTION_ALTERNATIVES[@]}")
  done
  sql -o /dev/null -c "SELECT bench.use_alternative('hand-written', 'nobody')"
}

report_connection() {
  printf '\n## Connecting\n\nMicroseconds from the start of a connection to its end, with the newest 50 rows of a restricted member '
  printf 'between: each transaction of pgbench is a connection of its own, which gets to know who it is by its options. '
  printf 'Runs of %s s, over a unix socket. shared_preload_libraries: %s.\n' "$SECONDS_EACH" \
    "$(sql -c "SELECT coalesce(nullif(current_setting('shared_preload_libraries'), ''), 'none')")"
  table 'alternative|µs, median of runs (quartiles)|ratio|CPU µs|ratio|runs' "
    SELECT l.alternative, bench.shown(l.median, l.lower, l.upper),
           bench.shown_ratio(l.area, l.subject, l.alternative, 'hand-written', l.metric),
           bench.shown(c.median, c.lower, c.upper),
           bench.shown_ratio(c.area, c.subject, c.alternative, 'hand-written', c.metric), l.samples
    FROM bench.summary l JOIN bench.summary c USING (area, subject, alternative)
    WHERE area = 'connection' AND l.metric = 'µs' AND c.metric = 'CPU µs' ORDER BY alternative"
}

goals_of_connection() {
  sql -F '~' -c "
    SELECT 'Connection with a key and a first page: more than hand-written', '≤ 1 ms', bench.shown(more) || ' ms', more <= 1
    FROM (SELECT bench.surplus('connection', 'a page', 'pg_tenancy', 'hand-written', 'µs') / 1000 AS more) d"
}
