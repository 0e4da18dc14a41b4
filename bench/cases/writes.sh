# shellcheck shell=bash
# INSERT with who writes filled in and checked, against a plain table and a policy made of settings.

WRITE_STATEMENTS=${WRITE_STATEMENTS:-200}

run_writes() {
  local round alternative
  sql_file writes.sql
  for ((round = 0; round < ROUNDS; round++)); do
    progress "writes, round $((round + 1)) of $ROUNDS"
    while IFS= read -r alternative; do
      as_application
      printf "SELECT bench.become('settings', 'restricted member');\n"
      printf "SELECT set_config('tenancy.api_key', secret, false) FROM bench.keys WHERE api_key_id = bench.user_key_id(1, 24);\n"
      printf "SELECT bench.measure_writes('%s', %d, %d);\n" "$alternative" "$round" "$WRITE_STATEMENTS"
      # What the next one writes must not wait for this one's dirty pages.
      printf 'RESET SESSION AUTHORIZATION;\nCHECKPOINT;\n'
    done < <(round_order "$round" plain settings tenancy) | sql -o /dev/null
  done
}

report_writes() {
  printf '\n## Writing\n\nMicroseconds for one statement, without commit, median (first to third quartile), into a table with three '
  printf 'indexes, by the key of a restricted member. "plain": no row security, all values given. "settings": a policy '
  printf 'that compares three columns with settings, all values given. "tenancy": protected, who writes filled in.\n'
  table 'statement|table|µs|ratio|samples' "
    SELECT subject, alternative, bench.shown(median, lower, upper),
           bench.shown(bench.ratio(area, subject, alternative, 'plain', metric)), samples
    FROM bench.summary WHERE area = 'write'
    ORDER BY subject = 'a thousand rows', subject, alternative"
}
