# shellcheck shell=bash
# What a principal reads of a large table, by each alternative in turn, round after round.

READ_SAMPLES=${READ_SAMPLES:-40}
READ_BUDGET_MS=${READ_BUDGET_MS:-300}
# What takes longer than this takes part in one round only.
SLOW_MS=1000

READ_QUERIES=('newest 50' 'aggregate by day' 'count')

query_text() {
  local filter=$2
  case $1 in
    'newest 50')
      printf '%s' "SELECT created_at, user_id, model, status, prompt_tokens, completion_tokens, cost, latency_ms
        FROM app.logs$filter ORDER BY created_at DESC LIMIT 50"
      ;;
    'aggregate by day')
      local period="created_at >= timestamptz '2025-03-18 00:00:00+00'"
      printf '%s' "SELECT date_trunc('day', created_at), count(*), sum(cost), sum(prompt_tokens)
        FROM app.logs${filter:- WHERE true} AND $period GROUP BY 1 ORDER BY 1"
      ;;
    count) printf '%s' "SELECT count(*) FROM app.logs$filter" ;;
  esac
}

# Prints the SQL of one round of one case.
read_round() {
  local round=$1 principal=$2 query_name=$3 floor_filter=$4 alternatives=$5 alternative filter
  local -a names
  mapfile -t names <<<"$alternatives"
  while IFS= read -r alternative; do
    filter=
    [[ $alternative != hand-written ]] || filter=" WHERE $floor_filter"
    printf 'RESET SESSION AUTHORIZATION;\n'
    printf "SELECT bench.use_alternative('%s', '%s');\n" "$alternative" "$principal"
    as_application
    printf "SELECT bench.become('%s', '%s');\n" "$alternative" "$principal"
    printf "SELECT bench.measure_query('%s', '%s', %d, \$query\$%s\$query\$, \$filter\$%s\$filter\$, %d, %d);\n" \
      "$principal, $query_name" "$alternative" "$round" "$(query_text "$query_name" "$filter")" "$filter" \
      "$READ_SAMPLES" "$READ_BUDGET_MS"
  done < <(round_order "$round" "${names[@]}")
}

# Alternatives that still take part in the case.
read_alternatives() {
  local round=$1 subject=$2
  sql -c "SELECT a.alternative FROM bench.alternatives a
          WHERE NOT EXISTS (
            SELECT FROM bench.summary s
            WHERE (s.area, s.subject, s.alternative, s.metric) = ('read', '$subject', a.alternative, 'statement')
              AND s.median > $SLOW_MS)
          ORDER BY a.position"
}

script_of_round() {
  local round=$1 principal filter query_name
  printf "LOAD 'pg_tenancy';\n"
  while IFS='~' read -r principal filter; do
    for query_name in "${READ_QUERIES[@]}"; do
      read_round "$round" "$principal" "$query_name" "$filter" "$(read_alternatives "$round" "$principal, $query_name")"
    done
  done < <(sql -F '~' -c "SELECT principal, filter FROM bench.principals ORDER BY position")
}

run_reads() {
  local round script
  for ((round = 0; round < ROUNDS; round++)); do
    progress "reads, round $((round + 1)) of $ROUNDS"
    # Written down first: nothing else is to run while it measures.
    script=$(script_of_round "$round")
    sql -o /dev/null <<<"$script"
  done
  printf "SELECT bench.use_alternative('hand-written', 'nobody');\n" | sql -o /dev/null
  reads_agree
  count_visible_rows
}

count_visible_rows() {
  sql <<'SQL'
SELECT format('INSERT INTO bench.visible_rows SELECT %L, count(*) FROM app.logs WHERE %s', principal, filter)
FROM bench.principals
\gexec
SQL
}

# Figures of queries with different results would be worth nothing.
reads_agree() {
  local differing
  differing=$(sql -c "SELECT DISTINCT subject FROM bench.plans p JOIN bench.plans f USING (subject)
                      WHERE p.fingerprint <> f.fingerprint")
  [[ -z $differing ]] || {
    printf 'error: alternatives have different results: %s\n' "$differing" >&2
    return 1
  }
}

report_reads() {
  local principal meaning query_name rows
  printf '\n## Reading\n\nAlternatives:\n\n'
  sql -c "SELECT format('- **%s**: %s', alternative, meaning) FROM bench.alternatives ORDER BY position"
  printf '\nMilliseconds, median (first to third quartile). Ratios are to "hand-written". "Execution" and "planning" are what '
  printf 'EXPLAIN ANALYZE says (TIMING OFF), "statement" is everything from parsing to the last row, "prepared" the same '
  printf 'of a prepared statement.\n'
  while IFS='~' read -r principal meaning rows; do
    for query_name in "${READ_QUERIES[@]}"; do
      printf '\n### %s (%s; %s rows): %s\n' "${principal^}" "$meaning" "$rows" "$query_name"
      report_read "$principal, $query_name"
    done
  done < <(sql -F '~' -c "SELECT principal, meaning, to_char(rows, 'FM999,999,999') FROM bench.principals
                          JOIN bench.visible_rows USING (principal) ORDER BY position")
}

report_read() {
  local subject=$1
  table 'alternative|planning|execution|ratio|statement|ratio|prepared|ratio|rows expected|samples' "
    SELECT a.alternative,
           bench.shown(p.median, p.lower, p.upper), bench.shown(e.median, e.lower, e.upper),
           bench.shown(bench.ratio('read', '$subject', a.alternative, 'hand-written', 'execution')),
           bench.shown(s.median, s.lower, s.upper),
           bench.shown(bench.ratio('read', '$subject', a.alternative, 'hand-written', 'statement')),
           bench.shown(r.median, r.lower, r.upper),
           bench.shown(bench.ratio('read', '$subject', a.alternative, 'hand-written', 'prepared')),
           to_char(l.estimated_rows, 'FM999,999,999'), s.samples
    FROM bench.alternatives a
    JOIN bench.summary p ON (p.area, p.subject, p.alternative, p.metric) = ('read', '$subject', a.alternative, 'planning')
    JOIN bench.summary e ON (e.area, e.subject, e.alternative, e.metric) = ('read', '$subject', a.alternative, 'execution')
    JOIN bench.summary s ON (s.area, s.subject, s.alternative, s.metric) = ('read', '$subject', a.alternative, 'statement')
    LEFT JOIN bench.summary r ON (r.area, r.subject, r.alternative, r.metric) = ('read', '$subject', a.alternative, 'prepared')
    JOIN bench.plans l ON (l.subject, l.alternative) = ('$subject', a.alternative)
    ORDER BY a.position"
  printf '\nPlans:\n\n'
  sql -c "SELECT format('- %s: \`%s\`', string_agg(a.alternative, ', ' ORDER BY a.position), l.shape)
          FROM bench.plans l JOIN bench.alternatives a USING (alternative)
          WHERE l.subject = '$subject' GROUP BY l.shape ORDER BY min(a.position)"
}

# name | goal | measured | met
goals_of_reads() {
  sql -F '~' -c "
    SELECT 'Page of a restricted member: execution, ratio to the hand-written filter', '≤ 1.05', bench.shown(r), r <= 1.05
    FROM bench.ratio('read', 'restricted member, newest 50', 'pg_tenancy', 'hand-written', 'execution') r
    UNION ALL
    SELECT 'The same, whole statement', '', bench.shown(r), NULL
    FROM bench.ratio('read', 'restricted member, newest 50', 'pg_tenancy', 'hand-written', 'statement') r
    UNION ALL
    SELECT 'The same, prepared statement', '', bench.shown(r), NULL
    FROM bench.ratio('read', 'restricted member, newest 50', 'pg_tenancy', 'hand-written', 'prepared') r
    UNION ALL
    SELECT format('Same plan as hand-written: %s cases of %s', count(*) FILTER (WHERE h.shape = t.shape), count(*)),
           'all', coalesce('not: ' || string_agg(h.subject, '; ') FILTER (WHERE h.shape <> t.shape), 'all'),
           bool_and(h.shape = t.shape)
    FROM bench.plans h JOIN bench.plans t USING (subject)
    WHERE h.alternative = 'hand-written' AND t.alternative = 'pg_tenancy'"
}
