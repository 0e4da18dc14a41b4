# shellcheck shell=bash
# What a principal reads of a large table, by each alternative in turn, round after round.

READ_SAMPLES=${READ_SAMPLES:-20}
READ_BUDGET_MS=${READ_BUDGET_MS:-60}
# Hand-written and pg_tenancy take part in all rounds, the other alternatives in so many of them, and what takes longer than
# SLOW_MS in one.
OTHERS_ROUNDS=${OTHERS_ROUNDS:-3}
SLOW_MS=1000
# Policies that look at every row, whoever reads whatever: these show it.
ROW_BY_ROW='sub-select, function'
ROW_BY_ROW_SUBJECTS='restricted member, point read; restricted member, newest 50; restricted member, aggregate by day'

READ_QUERIES=('point read' 'newest 50' 'aggregate by day' 'aggregate of all' 'join' 'count')

# query_text NAME FILTER [LOG_ID]; FILTER: " WHERE ..." or nothing.
query_text() {
  local filter=$2 since="'2025-03-18 00:00:00+00'"
  case $1 in
    'point read')
      printf '%s' "SELECT created_at, user_id, model, status, prompt_tokens, completion_tokens, cost, latency_ms
        FROM app.logs${filter:- WHERE true} AND log_id = $3"
      ;;
    'newest 50')
      printf '%s' "SELECT created_at, user_id, model, status, prompt_tokens, completion_tokens, cost, latency_ms
        FROM app.logs$filter ORDER BY created_at DESC LIMIT 50"
      ;;
    'aggregate by day')
      printf '%s' "SELECT date_trunc('day', created_at), count(*), sum(cost), sum(prompt_tokens)
        FROM app.logs${filter:- WHERE true} AND created_at >= timestamptz $since GROUP BY 1 ORDER BY 1"
      ;;
    'aggregate of all')
      printf '%s' "SELECT model, count(*), sum(cost), sum(prompt_tokens), sum(completion_tokens), max(latency_ms)
        FROM app.logs$filter GROUP BY model ORDER BY model"
      ;;
    join)
      printf '%s' "SELECT t.name, l.model, count(*), sum(l.cost), avg(t.duration_ms)
        FROM (SELECT * FROM app.logs$filter) l JOIN (SELECT * FROM app.traces$filter) t USING (log_id)
        WHERE l.created_at >= timestamptz $since AND t.started_at >= timestamptz $since GROUP BY 1, 2 ORDER BY 1, 2"
      ;;
    count) printf '%s' "SELECT count(*) FROM app.logs$filter" ;;
  esac
}

# Prints the SQL that measures one alternative.
read_turn() {
  local alternative=$1 turn=$2 principal=$3 query_name=$4 floor_filter=$5 point=$6 filter= relation
  [[ $alternative != hand-written ]] || filter=" WHERE $floor_filter"
  printf 'RESET SESSION AUTHORIZATION;\n'
  for relation in app.logs app.traces; do
    [[ $relation == app.logs || $query_name == join ]] || continue
    printf "SELECT bench.use_alternative('%s', '%s', '%s');\n" "$alternative" "$principal" "$relation"
  done
  as_application
  printf "SELECT bench.become('%s', '%s');\n" "$alternative" "$principal"
  printf "SELECT bench.measure_query('read', '%s', '%s', %d, \$query\$%s\$query\$, \$query\$SELECT FROM app.logs%s\$query\$, %d, %d);\n" \
    "$principal, $query_name" "$alternative" "$turn" "$(query_text "$query_name" "$filter" "$point")" "$filter" \
    "$READ_SAMPLES" "$READ_BUDGET_MS"
}

# Alternatives beside hand-written and pg_tenancy that take part in this round.
other_alternatives() {
  local round=$1 subject=$2
  [[ $round -lt $OTHERS_ROUNDS ]] || return 0
  sql -c "SELECT a.alternative FROM bench.alternatives a
          WHERE a.alternative NOT IN ('hand-written', 'pg_tenancy')
            AND ('$subject' = ANY (string_to_array('$ROW_BY_ROW_SUBJECTS', '; '))
                 OR a.alternative <> ALL (string_to_array('$ROW_BY_ROW', ', ')))
            AND NOT EXISTS (
              SELECT FROM bench.summary s
              WHERE (s.area, s.subject, s.alternative, s.metric) = ('read', '$subject', a.alternative, 'statement')
                AND s.median > $SLOW_MS)
          ORDER BY a.position"
}

# One round has two turns of hand-written and pg_tenancy, A B B A or B A A B; a ratio is one of neighbours.
script_of_round() {
  local round=$1 principal filter point query_name alternative first=hand-written second=pg_tenancy
  [[ $((round % 2)) -eq 0 ]] || first=pg_tenancy second=hand-written
  printf "LOAD 'pg_tenancy';\n"
  while IFS='~' read -r principal filter point; do
    for query_name in "${READ_QUERIES[@]}"; do
      read_turn "$first" $((2 * round)) "$principal" "$query_name" "$filter" "$point"
      read_turn "$second" $((2 * round)) "$principal" "$query_name" "$filter" "$point"
      read_turn "$second" $((2 * round + 1)) "$principal" "$query_name" "$filter" "$point"
      read_turn "$first" $((2 * round + 1)) "$principal" "$query_name" "$filter" "$point"
      while IFS= read -r alternative; do
        [[ -z $alternative ]] || read_turn "$alternative" $((2 * round + 1)) "$principal" "$query_name" "$filter" "$point"
      done < <(other_alternatives "$round" "$principal, $query_name")
    done
  done < <(sql -F '~' -c "SELECT principal, filter, point FROM bench.principals ORDER BY position")
}

run_reads() {
  local round script
  count_visible_rows
  for ((round = 0; round < ROUNDS; round++)); do
    progress "reads, round $((round + 1)) of $ROUNDS"
    # Written down first: nothing else is to run while it measures.
    script=$(script_of_round "$round")
    sql -o /dev/null <<<"$script"
  done
  printf "SELECT bench.use_alternative('hand-written', 'nobody', r) FROM unnest('{app.logs, app.traces}'::regclass[]) r;\n" |
    sql -o /dev/null
  results_agree read
}

count_visible_rows() {
  sql <<'SQL'
SELECT format('UPDATE bench.principals SET (rows, point) = (SELECT count(*), coalesce(max(log_id), 1) FROM app.logs WHERE %s) WHERE principal = %L',
              filter, principal)
FROM bench.principals
\gexec
SQL
}

# Figures of queries with different results would be worth nothing.
results_agree() {
  local differing
  differing=$(sql -c "SELECT DISTINCT p.subject FROM bench.plans p JOIN bench.plans f USING (area, subject)
                      WHERE p.area = '$1' AND p.fingerprint <> f.fingerprint")
  [[ -z $differing ]] || {
    printf 'error: alternatives have different results: %s\n' "$differing" >&2
    return 1
  }
}

# ratio_matrix METRIC: pg_tenancy against the floor, a row per principal, a column per query.
ratio_matrix() {
  local columns='principal|rows' query_name expressions=''
  for query_name in "${READ_QUERIES[@]}"; do
    columns+="|$query_name"
    expressions+=", bench.shown_ratio('read', principal || ', $query_name', 'pg_tenancy', 'hand-written', '$1')"
  done
  table "$columns" "SELECT principal, to_char(rows, 'FM999,999,999')$expressions FROM bench.principals ORDER BY position"
}

report_reads() {
  local query_name
  printf '\n## Reading\n\nAlternatives:\n\n'
  sql -c "SELECT format('- **%s**: %s', alternative, meaning) FROM bench.alternatives ORDER BY position"
  printf '\nPrincipals:\n\n'
  sql -c "SELECT format('- **%s**: %s', principal, meaning) FROM bench.principals ORDER BY position"
  printf '\n### pg_tenancy against hand-written\n\nRatios, median (first to third quartile) of %s pairs. Execution:\n' "$((2 * ROUNDS))"
  ratio_matrix execution
  printf '\nWhole statement, planning included:\n'
  ratio_matrix statement
  printf '\nPrepared statement, of those that take less than %s ms:\n' "$((READ_BUDGET_MS / 25))"
  ratio_matrix prepared

  printf '\n### Estimates\n\nHow many rows the planner expects of the table without any other condition.\n'
  report_estimates
  for query_name in "${READ_QUERIES[@]}"; do
    # shellcheck disable=SC2016
    printf '\n### %s\n\n```sql\n%s\n```\n\n' "${query_name^}" "$(query_text "$query_name" '' '…' | sed 's/^ \{6\}//; s/ WHERE true AND/ WHERE/')"
    printf 'Milliseconds, median (first to third quartile); ratios to "hand-written".\n'
    report_read "$query_name"
  done
}

report_estimates() {
  local columns='principal|rows' expressions='' alternative
  while IFS= read -r alternative; do
    columns+="|$alternative"
    expressions+=", coalesce(max(to_char(l.estimated_rows, 'FM999,999,999')) FILTER (WHERE l.alternative = '$alternative'), '-')"
  done < <(sql -c 'SELECT alternative FROM bench.alternatives ORDER BY position')
  table "$columns" "SELECT p.principal, to_char(p.rows, 'FM999,999,999')$expressions
    FROM bench.principals p JOIN bench.plans l ON (l.area, l.subject) = ('read', p.principal || ', newest 50')
    GROUP BY p.principal, p.rows, p.position ORDER BY p.position"
}

report_read() {
  local query_name=$1
  table 'principal|alternative|planning|execution|ratio|statement|ratio|prepared|ratio|samples' "
    SELECT n.principal, a.alternative,
           bench.shown(p.median, p.lower, p.upper), bench.shown(e.median, e.lower, e.upper),
           bench.shown(bench.ratio(s.area, s.subject, a.alternative, 'hand-written', 'execution')),
           bench.shown(s.median, s.lower, s.upper),
           bench.shown(bench.ratio(s.area, s.subject, a.alternative, 'hand-written', 'statement')),
           bench.shown(r.median, r.lower, r.upper),
           bench.shown(bench.ratio(s.area, s.subject, a.alternative, 'hand-written', 'prepared')), s.samples
    FROM bench.principals n CROSS JOIN bench.alternatives a
    JOIN bench.summary s ON (s.area, s.subject, s.alternative, s.metric) = ('read', n.principal || ', $query_name', a.alternative, 'statement')
    JOIN bench.summary p ON (p.area, p.subject, p.alternative, p.metric) = (s.area, s.subject, s.alternative, 'planning')
    JOIN bench.summary e ON (e.area, e.subject, e.alternative, e.metric) = (s.area, s.subject, s.alternative, 'execution')
    LEFT JOIN bench.summary r ON (r.area, r.subject, r.alternative, r.metric) = (s.area, s.subject, s.alternative, 'prepared')
    ORDER BY n.position, a.position"
  plot_link "reads-${query_name// /-}"
  printf '\n<details><summary>Plans</summary>\n\n'
  sql -c "SELECT format('- %s, %s: \`%s\`', n.principal, string_agg(a.alternative, ', ' ORDER BY a.position), l.shape)
          FROM bench.plans l JOIN bench.alternatives a USING (alternative)
          JOIN bench.principals n ON l.subject = n.principal || ', $query_name'
          WHERE l.area = 'read' GROUP BY n.principal, n.position, l.shape ORDER BY n.position, min(a.position)"
  printf '\n</details>\n'
}

# name | goal | measured | met
goals_of_reads() {
  local query_name
  for query_name in "${READ_QUERIES[@]}"; do
    sql -F '~' -c "
      WITH ratios AS (
        SELECT principal, metric, CASE metric WHEN 'execution' THEN coalesce(prepared, execution) ELSE statement END AS ratio
        FROM bench.principals p
        CROSS JOIN LATERAL bench.ratio('read', p.principal || ', $query_name', 'pg_tenancy', 'hand-written', 'prepared') prepared
        CROSS JOIN LATERAL bench.ratio('read', p.principal || ', $query_name', 'pg_tenancy', 'hand-written', 'execution') execution
        CROSS JOIN LATERAL bench.ratio('read', p.principal || ', $query_name', 'pg_tenancy', 'hand-written', 'statement') statement
        CROSS JOIN unnest('{execution, statement}'::text[]) metric
      )
      SELECT '${query_name^}, ' || CASE metric WHEN 'execution' THEN 'execution' ELSE 'whole statement' END || ': ratio to the hand-written filter',
             '≤ 1.05',
             format('%s in the median of the principals, at most %s (%s)', bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio)),
                    bench.shown(max(ratio)), (array_agg(principal ORDER BY ratio DESC))[1]), max(ratio) <= 1.05
      FROM ratios GROUP BY metric ORDER BY metric"
  done
  sql -F '~' -c "
    SELECT format('Same plan as hand-written: %s cases of %s', count(*) FILTER (WHERE h.shape = t.shape), count(*)),
           'all', coalesce('not: ' || string_agg(h.subject, '; ') FILTER (WHERE h.shape <> t.shape), 'all'),
           bool_and(h.shape = t.shape)
    FROM bench.plans h JOIN bench.plans t USING (area, subject)
    WHERE area = 'read' AND h.alternative = 'hand-written' AND t.alternative = 'pg_tenancy'
    UNION ALL
    SELECT 'Rows expected: farthest from those of the hand-written filter', '≤ 2×', bench.shown(max(factor)) || '×', max(factor) <= 2
    FROM (SELECT greatest(greatest(t.estimated_rows, 1) / greatest(h.estimated_rows, 1),
                          greatest(h.estimated_rows, 1) / greatest(t.estimated_rows, 1)) AS factor
          FROM bench.plans h JOIN bench.plans t USING (area, subject)
          WHERE area = 'read' AND h.alternative = 'hand-written' AND t.alternative = 'pg_tenancy') f
    UNION ALL
    SELECT 'Newest 50 of a restricted member: array policy against pg_tenancy, execution', '≥ 20×', bench.shown(r) || '×', r >= 20
    FROM (SELECT bench.ratio('read', 'restricted member, newest 50', 'array', 'hand-written', 'execution')
                 / bench.ratio('read', 'restricted member, newest 50', 'pg_tenancy', 'hand-written', 'execution') AS r) a"
}
