# shellcheck shell=bash
# Resolving who the session is, and asking what it may.

CALLS=${CALLS:-1000000}
RESOLUTIONS=${RESOLUTIONS:-2000}

# Prints SQL that resolves many principals, each one after another one.
resolutions() {
  local round=$1
  cat <<SQL
INSERT INTO bench.samples
SELECT 'principal', 'another one', kind, 'µs', $round, 1000 * bench.time_of_resolution('tenancy.user', credentials)
FROM (SELECT 'member' AS kind, array_agg(credential) AS credentials
      FROM (SELECT bench.user_id(organization, number)::text AS credential FROM bench.members
            ORDER BY md5(number::text || organization) LIMIT $RESOLUTIONS) m
      UNION ALL
      SELECT 'owner', array_agg(bench.user_id(1 + g % $ORGANIZATIONS, 999)::text)
      FROM generate_series(1, $RESOLUTIONS) g) kinds;
SELECT set_config('tenancy.user', '', false);
INSERT INTO bench.samples
SELECT 'principal', 'another one', kind, 'µs', $round, 1000 * bench.time_of_resolution('tenancy.api_key', credentials)
FROM (SELECT kind, array_agg(secret) AS credentials
      FROM (SELECT replace(kind, '_', ' ') AS kind, secret,
                   row_number() OVER (PARTITION BY kind ORDER BY md5(api_key_id::text)) AS position
            FROM bench.keys) k
      WHERE position <= $RESOLUTIONS GROUP BY kind) kinds;
SELECT set_config('tenancy.api_key', '', false);
SQL
}

# Prints SQL that asks again and again: as which principal, which expression, against which baseline.
calls() {
  local round=$1 user who
  for who in member owner; do
    user=24
    [[ $who != owner ]] || user=999
    cat <<SQL
SELECT set_config('tenancy.user', bench.user_id(1, $user)::text, false);
INSERT INTO bench.samples
SELECT 'principal', subject, '$who', 'ns', $round, bench.time_per_call(expression, baseline, calls)
FROM (VALUES
  ('current_user_id()', 'tenancy.current_user_id()', 'pg_backend_pid()', $CALLS),
  ('authorize(resource, action)', 'CASE WHEN tenancy.authorize(resource, action) THEN 1 END',
   'CASE WHEN resource IS NOT NULL THEN 1 END', $CALLS),
  ('authorize(resource, action, uuid)', 'CASE WHEN tenancy.authorize(resource, action, workspace_id) THEN 1 END',
   'CASE WHEN workspace_id IS NOT NULL THEN 1 END', $CALLS),
  ('authorize(resource, action, text)', 'CASE WHEN tenancy.authorize(resource, action, workspace) THEN 1 END',
   'CASE WHEN workspace IS NOT NULL THEN 1 END', $CALLS / 50),
  ('authorize(''…'', ''…'', uuid), specialized', 'CASE WHEN tenancy.authorize(''logs'', ''view'', workspace_id) THEN 1 END',
   'CASE WHEN workspace_id IS NOT NULL THEN 1 END', $CALLS)
) v (subject, expression, baseline, calls);
SQL
  done
  printf "SELECT set_config('tenancy.user', '', false);\n"
}

AUTHORIZE_PRINCIPALS=('unrestricted member' 'owner')

# Prints SQL that counts rows by the row filter, and by authorize() in the WHERE of an unprotected table.
authorize_in_where() {
  local round=$1 principal way alternative filter
  for principal in "${AUTHORIZE_PRINCIPALS[@]}"; do
    while IFS= read -r way; do
      alternative=hand-written filter=" WHERE tenancy.authorize('logs', 'view', workspace_id)"
      [[ $way == authorize ]] || alternative=pg_tenancy filter=
      printf "RESET SESSION AUTHORIZATION;\n"
      printf "SELECT bench.use_alternative('%s', '%s', 'app.checked');\n" "$alternative" "$principal"
      as_application
      printf "SELECT bench.become('pg_tenancy', '%s');\n" "$principal"
      printf "SELECT bench.measure_query('authorize', '%s', '%s', %d, \$query\$SELECT count(*), sum(latency_ms) FROM app.checked%s\$query\$, NULL, %d, %d);\n" \
        "$principal" "$way" "$round" "$filter" "$READ_SAMPLES" "$READ_BUDGET_MS"
    done < <(round_order "$round" 'row filter' authorize)
  done
}

run_principals() {
  local round
  sql -v organizations="$ORGANIZATIONS" -v calls="$CALLS" -o /dev/null -f "$BENCH_DIR/sql/principals.sql"
  for ((round = 0; round < ROUNDS; round++)); do
    progress "principals, round $((round + 1)) of $ROUNDS"
    {
      as_application
      # The first pass brings the catalogs into memory, and does not count.
      if [[ $round -eq 0 ]]; then
        resolutions -1
        calls -1
      fi
      resolutions "$round"
      calls "$round"
    } | sql -o /dev/null
    authorize_in_where "$round" | sql -o /dev/null
    { as_application; printf "SELECT bench.first_resolution(bench.user_id(1, 24)::text);\n"; } | sql -o /dev/null
  done
  sql -c "DELETE FROM bench.samples WHERE area = 'principal' AND round < 0"
  results_agree authorize
}

report_principals() {
  printf '\n## Principals and permissions\n\n'
  printf 'Resolving: microseconds for one principal, in a session that was another one just before (%s in turn, ' "$RESOLUTIONS"
  printf 'their catalog pages in memory), less the cost of naming it. All that it may do is worked out with it.\n'
  table 'principal|µs, median (quartiles)|rounds' "
    SELECT alternative || ', ' || subject, bench.shown(median, lower, upper), samples FROM bench.summary
    WHERE area = 'principal' AND metric = 'µs' ORDER BY subject, alternative"
  printf '\nAsking again: nanoseconds for one call out of %s in one query (a fiftieth of them where the workspace is a text), less the same ' "$CALLS"
  printf 'query without it. '
  printf 'Only the last is replaced by a filter at planning; the others are really called for each row.\n'
  table 'call|as|ns, median (quartiles)|rounds' "
    SELECT subject, alternative, bench.shown(median, lower, upper), samples FROM bench.summary
    WHERE area = 'principal' AND metric = 'ns' ORDER BY subject LIKE '%specialized', subject, alternative"
  printf '\n`authorize(...)` in the `WHERE` of a query over %s rows of an unprotected table, against the row filter of a protected one ' \
    "$(sql -c "SELECT to_char(count(*), 'FM999,999,999') FROM app.checked")"
  printf 'with the same rows: milliseconds of `SELECT count(*), sum(latency_ms)`.\n'
  table 'principal|by|execution|ratio|plan|samples' "
    SELECT s.subject, s.alternative, bench.shown(s.median, s.lower, s.upper),
           bench.shown_ratio(s.area, s.subject, s.alternative, 'row filter', s.metric), '\`' || l.shape || '\`', s.samples
    FROM bench.summary s JOIN bench.plans l USING (area, subject, alternative)
    WHERE area = 'authorize' AND s.metric = 'execution' ORDER BY s.subject, s.alternative DESC"
}

goals_of_principals() {
  sql -F '~' -c "
    SELECT format('Resolving another principal, the slowest kind (%s)', alternative), '≤ 150 µs', bench.shown(median) || ' µs',
           median <= 150
    FROM (SELECT * FROM bench.summary WHERE (area, subject) = ('principal', 'another one') ORDER BY median DESC LIMIT 1) s"
  sql -F '~' -c "
    SELECT 'Asking who it is again: current_user_id()', '≤ 2 µs', bench.shown(max(median)) || ' ns', max(median) <= 2000
    FROM bench.summary WHERE (area, subject) = ('principal', 'current_user_id()')
    UNION ALL
    SELECT 'authorize(resource, action, workspace id)', '≤ 200 ns', bench.shown(max(median)) || ' ns', max(median) <= 200
    FROM bench.summary WHERE (area, subject) = ('principal', 'authorize(resource, action, uuid)')
    UNION ALL
    SELECT 'authorize(...) in a WHERE, ratio to the row filter (the worst: ' || subject || ')', '≤ 1.05', bench.shown(r), r <= 1.05
    FROM (SELECT subject, bench.ratio(area, subject, alternative, 'row filter', metric) AS r FROM bench.summary
          WHERE (area, alternative, metric) = ('authorize', 'authorize', 'execution') ORDER BY r DESC LIMIT 1) worst"
}
