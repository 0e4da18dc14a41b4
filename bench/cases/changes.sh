# shellcheck shell=bash
# Somebody's rights change a hundred times a second: what do others notice, who read pages by prepared statements?

CHANGES_PER_SECOND=100
# The script of what goes on meanwhile, and its name in the report.
CHANGES=(
  'none|nothing'
  'other-writes|writes elsewhere'
  'changes|changes in another organization'
  'own-changes|changes in the same organization'
)

# Starts what goes on while others read; sets the variable that holds its process, empty if there is none.
start_changes() {
  changer=
  [[ $1 != none ]] || return 0
  PGAPPNAME=bench_changes pgbench -n -M prepared -c 1 -R "$CHANGES_PER_SECOND" -T $((SECONDS_EACH + 60)) -D turn=0 \
    -D organizations="$ORGANIZATIONS" -f "$BENCH_DIR/pgbench/$1.sql" >/dev/null &
  changer=$!
  until [[ $(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bench_changes'") == 1 ]]; do
    kill -0 "$changer" || return 1
    sleep 0.05
  done
}

# Its session must have ended before the next one's CPU time is counted.
stop_changes() {
  [[ -n $changer ]] || return 0
  kill "$changer"
  wait "$changer" 2>/dev/null || true
  until [[ $(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bench_changes'") == 0 ]]; do sleep 0.05; done
}

run_changes() {
  local round case script name user latency cpu before_changes done_changes changer
  sql -o /dev/null -c 'CREATE TABLE bench.bystanders (LIKE tenancy.workspace_members INCLUDING INDEXES)' \
    -c 'INSERT INTO bench.bystanders SELECT * FROM tenancy.workspace_members' -c 'VACUUM ANALYZE bench.bystanders' \
    -c "SELECT bench.use_alternative('pg_tenancy', 'restricted member')"
  user=$(sql -c "SELECT bench.user_id(1, 24)")
  for ((round = 0; round < ROUNDS; round++)); do
    progress "changes, round $((round + 1)) of $ROUNDS"
    while IFS= read -r case; do
      IFS='|' read -r script name <<<"$case"
      start_changes "$script"
      before_changes=$(role_changes)
      read -r latency cpu < <(PGOPTIONS="-c tenancy.user=$user" pgbench_times -M prepared \
        -f <(query_text 'newest 50' '' | tr '\n' ' '))
      done_changes=$(($(role_changes) - before_changes))
      stop_changes
      sql -c "INSERT INTO bench.samples
              VALUES ('changes', 'a page', '$name', 'µs', $round, $latency),
                     ('changes', 'a page', '$name', 'CPU µs', $round, $cpu),
                     ('changes', 'a page', '$name', 'changes a second', $round, $done_changes / ${SECONDS_EACH}.0)"
    done < <(round_order "$round" "${CHANGES[@]}")
  done
  sql -o /dev/null -c "SELECT bench.use_alternative('hand-written', 'nobody')"
}

# Updates of memberships so far, by what their session has told: it does so about once a second.
role_changes() {
  sql -c "SELECT coalesce(sum(n_tup_upd), 0) FROM pg_stat_user_tables
          WHERE relid IN ('tenancy.workspace_members'::regclass, 'bench.bystanders'::regclass)"
}

report_changes() {
  printf '\n## Changes of rights\n\nMicroseconds for a page of a restricted member by a prepared statement, while %s times a second ' \
    "$CHANGES_PER_SECOND"
  printf 'somebody else gets another role: in another organization, or in the same. "writes elsewhere" does as much work in a '
  printf 'table without tenancy, and so shows what the machine takes. Runs of %s s. Throughput against that without changes is ' \
    "$SECONDS_EACH"
  printf 'the inverse of the ratio.\n'
  table 'meanwhile|µs, median of runs (quartiles)|ratio|CPU µs|ratio|changes a second|runs' "
    SELECT l.alternative, bench.shown(l.median, l.lower, l.upper),
           bench.shown_ratio(l.area, l.subject, l.alternative, 'nothing', l.metric),
           bench.shown(c.median, c.lower, c.upper),
           bench.shown_ratio(c.area, c.subject, c.alternative, 'nothing', c.metric), bench.shown(n.median), l.samples
    FROM bench.summary l JOIN bench.summary c USING (area, subject, alternative)
    JOIN bench.summary n USING (area, subject, alternative)
    WHERE area = 'changes' AND l.metric = 'µs' AND c.metric = 'CPU µs' AND n.metric = 'changes a second'
    ORDER BY alternative <> 'nothing', alternative <> 'writes elsewhere', alternative"
}

goals_of_changes() {
  sql -F '~' -c "
    SELECT '$CHANGES_PER_SECOND changes a second in another organization: others'' throughput per CPU time against without', '≥ 0.95',
           bench.shown(r), r >= 0.95
    FROM bench.ratio('changes', 'a page', 'nothing', 'changes in another organization', 'CPU µs') r
    UNION ALL
    SELECT 'The same, throughput that clients see against as many writes elsewhere', '', bench.shown(r), NULL
    FROM bench.ratio('changes', 'a page', 'writes elsewhere', 'changes in another organization', 'µs') r"
}
