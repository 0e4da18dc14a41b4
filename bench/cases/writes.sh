# shellcheck shell=bash
# INSERT with who writes filled in and checked, against a plain table and a policy made of settings.

WRITE_STATEMENTS=${WRITE_STATEMENTS:-200}

run_writes() {
  local round alternative
  sql_file writes.sql
  # Three for each of the others': they are short.
  for ((round = 0; round < 3 * ROUNDS; round++)); do
    [[ $((round % 3)) -ne 0 ]] || progress "writes, round $((round / 3 + 1)) of $ROUNDS"
    while IFS= read -r alternative; do
      as_application
      printf "SELECT bench.become('settings', 'restricted member');\n"
      printf "SELECT set_config('app.organization', bench.organization_id(1)::text, false);\n"
      printf "SELECT set_config('tenancy.api_key', secret, false) FROM bench.keys WHERE api_key_id = bench.user_key_id(1, 24);\n"
      printf "SELECT bench.measure_writes('%s', %d, %d);\n" "$alternative" "$round" "$WRITE_STATEMENTS"
      # The next alternative's writes must not wait for this one's dirty pages.
      printf 'RESET SESSION AUTHORIZATION;\nCHECKPOINT;\n'
    done < <(round_order "$round" plain settings tenancy) | sql -o /dev/null
  done
}

report_writes() {
  printf '\n## Writing\n\nMicroseconds for one statement, without commit, median (first to third quartile), into a table with four '
  printf 'indexes, by the key of a restricted member. "plain": no row security, all values given. "settings": a policy '
  printf 'that compares three columns with settings, all values given. "tenancy": protected, who writes filled in.\n'
  table 'statement|table|µs|ratio|samples' "
    SELECT subject, alternative, bench.shown(median, lower, upper),
           bench.shown_ratio(area, subject, alternative, 'plain', metric), samples
    FROM bench.summary WHERE area = 'write'
    ORDER BY subject = 'a thousand rows', subject, alternative"
  plot_link writes
}

goals_of_writes() {
  sql -F '~' -c "
    SELECT 'INSERT of ' || subject || ', filled in and checked: ratio to a plain table', '≤ ' || goal, bench.shown(r), r <= goal
    FROM (VALUES ('one row', 1.10), ('one row, prepared', 1.10), ('a thousand rows', 1.15)) v (subject, goal),
         bench.ratio('write', subject, 'tenancy', 'plain', 'µs') r"
}
