# shellcheck shell=bash
# One day of a table with a partition for each day: the filter must not keep the planner from pruning the others.

PARTITION_ALTERNATIVES=(hand-written pg_tenancy settings)
PARTITION_PRINCIPALS=('restricted member' 'unrestricted member' 'owner')
PARTITION_QUERIES=('newest 50 of a day' 'aggregate of a day')

partition_query() {
  local filter=$2 day="created_at >= timestamptz '2025-03-10 00:00:00+00' AND created_at < timestamptz '2025-03-11 00:00:00+00'"
  case $1 in
    'newest 50 of a day')
      printf '%s' "SELECT created_at, user_id, model, status, prompt_tokens, completion_tokens, cost, latency_ms
        FROM app.daily_logs${filter:- WHERE true} AND $day ORDER BY created_at DESC LIMIT 50"
      ;;
    'aggregate of a day')
      printf '%s' "SELECT model, count(*), sum(cost), sum(prompt_tokens)
        FROM app.daily_logs${filter:- WHERE true} AND $day GROUP BY model ORDER BY model"
      ;;
  esac
}

# Prints the SQL of one round.
partition_round() {
  local round=$1 principal filter alternative query_name
  for principal in "${PARTITION_PRINCIPALS[@]}"; do
    while IFS= read -r alternative; do
      filter=
      [[ $alternative != hand-written ]] ||
        filter=" WHERE $(sql -c "SELECT filter FROM bench.principals WHERE principal = '$principal'")"
      printf 'RESET SESSION AUTHORIZATION;\n'
      printf "SELECT bench.use_alternative('%s', '%s', 'app.daily_logs');\n" "$alternative" "$principal"
      as_application
      printf "SELECT bench.become('%s', '%s');\n" "$alternative" "$principal"
      for query_name in "${PARTITION_QUERIES[@]}"; do
        printf "SELECT bench.measure_query('partitions', '%s', '%s', %d, \$query\$%s\$query\$, NULL, %d, %d);\n" \
          "$principal, $query_name" "$alternative" "$round" "$(partition_query "$query_name" "$filter")" \
          "$READ_SAMPLES" "$READ_BUDGET_MS"
      done
    done < <(round_order "$round" "${PARTITION_ALTERNATIVES[@]}")
  done
}

run_partitions() {
  local round script
  sql_file partitions.sql
  for ((round = 0; round < 2 * ROUNDS; round++)); do
    [[ $((round % 2)) -ne 0 ]] || progress "partitions, round $((round / 2 + 1)) of $ROUNDS"
    script=$(partition_round "$round")
    sql -o /dev/null <<<"$script"
  done
  results_agree partitions
}

report_partitions() {
  printf '\n## Partitions\n\nMilliseconds, median (first to third quartile), of one day in a table of 91 daily partitions, a fifth of the '
  printf 'rows above. All columns as under "Reading"; "scans" is how many partitions the plan reads.\n'
  table 'principal and query|alternative|planning|execution|ratio|statement|ratio|prepared|ratio|scans|samples' "
    SELECT s.subject, s.alternative, bench.shown(p.median, p.lower, p.upper), bench.shown(e.median, e.lower, e.upper),
           bench.shown_ratio(s.area, s.subject, s.alternative, 'hand-written', 'execution'),
           bench.shown(s.median, s.lower, s.upper),
           bench.shown_ratio(s.area, s.subject, s.alternative, 'hand-written', 'statement'),
           bench.shown(r.median, r.lower, r.upper),
           bench.shown(bench.ratio(s.area, s.subject, s.alternative, 'hand-written', 'prepared')),
           bench.scans(l.shape), s.samples
    FROM bench.summary s
    JOIN bench.summary p ON (p.area, p.subject, p.alternative, p.metric) = (s.area, s.subject, s.alternative, 'planning')
    JOIN bench.summary e ON (e.area, e.subject, e.alternative, e.metric) = (s.area, s.subject, s.alternative, 'execution')
    LEFT JOIN bench.summary r ON (r.area, r.subject, r.alternative, r.metric) = (s.area, s.subject, s.alternative, 'prepared')
    JOIN bench.plans l ON (l.area, l.subject, l.alternative) = (s.area, s.subject, s.alternative)
    WHERE s.area = 'partitions' AND s.metric = 'statement' ORDER BY s.subject, s.alternative"
  plot_link partitions
}

goals_of_partitions() {
  sql -F '~' -c "
    SELECT 'One day of 91 partitions: partitions in the plan, at most', '1', max(bench.scans(shape))::text, max(bench.scans(shape)) = 1
    FROM bench.plans WHERE (area, alternative) = ('partitions', 'pg_tenancy')
    UNION ALL
    (SELECT DISTINCT ON (metric) 'The same, ' || metric || ', ratio to the hand-written filter', '≤ 1.05',
            format('at most %s (%s)', bench.shown(r), subject), r <= 1.05
     FROM bench.summary, bench.ratio(area, subject, alternative, 'hand-written', metric) r
     WHERE (area, alternative) = ('partitions', 'pg_tenancy') AND metric IN ('execution', 'statement') ORDER BY metric, r DESC)"
}
