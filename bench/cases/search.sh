# shellcheck shell=bash
# A query's own conditions: 30 queries that applications ask, each with the index that fits, against the hand-written ones in the
# same run, under each setting of tenancy.trusted_conditions.

SEARCH_DOCS=${SEARCH_DOCS:-300000}
SEARCH_RUNS=${SEARCH_RUNS:-2}
SEARCH_ROUNDS=${SEARCH_ROUNDS:-4}
SEARCH_MODES=(none own_rows all)

run_search() {
  local round
  progress "search, $SEARCH_DOCS rows"
  sql -v docs="$SEARCH_DOCS" -o /dev/null -f "$BENCH_DIR/sql/search.sql"
  # In turns, so that the machine's other work meets all of them.
  for ((round = 1; round <= SEARCH_ROUNDS; round++)); do search_round; done
  search_results_agree
  sql -o /dev/null -c "SELECT tenancy.unprotect(r) FROM unnest('{app.docs, app.logs, app.traces}'::regclass[]) r"
}

search_round() {
  local principal mode
  while IFS= read -r principal; do
    progress "search, round $round, $principal"
    sql -o /dev/null <<SQL
SELECT bench.become('hand-written', '$principal');
SELECT bench.search('$principal', 'hand-written', $SEARCH_RUNS);
SQL
    for mode in "${SEARCH_MODES[@]}"; do
      sql -o /dev/null <<SQL
SET tenancy.trusted_conditions = '$mode';
$(as_application)
SELECT bench.become('pg_tenancy', '$principal');
SELECT bench.search('$principal', '$mode', $SEARCH_RUNS);
SQL
    done
  done < <(sql -c 'SELECT principal FROM bench.searchers ORDER BY position')
}

search_results_agree() {
  local differing
  differing=$(sql -c "SELECT DISTINCT principal, search, r.mode FROM bench.search_results r JOIN bench.search_results h USING (principal, search)
                      WHERE h.mode = 'hand-written' AND r.result <> h.result")
  [[ -z $differing ]] || {
    printf 'error: alternatives have different results: %s\n' "$differing" >&2
    return 1
  }
}

# Fewer pages than by hand are as good as the same plan.
report_search() {
  printf '\n## Search\n\n%s queries over a table of %s rows with an index for each, hand-written and protected, by setting of ' \
    "$(sql -c 'SELECT count(*) FROM bench.searches')" "$SEARCH_DOCS"
  # shellcheck disable=SC2016
  printf '`tenancy.trusted_conditions`. "Same plan": node types and indexes as by hand; "pages": no more than 5 %% and 3 pages more; '
  printf 'ratios of execution are of the best of %s runs, in turns.\n' "$((SEARCH_RUNS * SEARCH_ROUNDS))"
  table 'principal|setting|same plan|pages|pages, median ratio|worst|execution, median ratio|worst' "
    SELECT p.principal, r.mode, count(*) FILTER (WHERE (r.plan, r.indexes) IS NOT DISTINCT FROM (h.plan, h.indexes)) || ' of ' || count(*),
           count(*) FILTER (WHERE r.pages <= h.pages * 1.05 + 3) || ' of ' || count(*),
           bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY (r.pages + 1.0) / (h.pages + 1))), bench.shown(max((r.pages + 1.0) / (h.pages + 1))),
           bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.best_ms / h.best_ms)), bench.shown(max(r.best_ms / h.best_ms))
    FROM bench.search_results r JOIN bench.search_results h USING (principal, search) JOIN bench.principals p USING (principal)
    WHERE h.mode = 'hand-written' AND r.mode <> 'hand-written' GROUP BY p.principal, p.position, r.mode
    ORDER BY p.position, array_position('{none,own_rows,all}', r.mode)"
  printf '\nPages of a member of one workspace and of an owner. "Index": what serves the condition under row security.\n'
  table 'query|index|member, by hand|none|own_rows|all|owner, by hand|none|own_rows|all' "
    SELECT s.search, s.needs, p.by_hand, p.none, p.own_rows, p.everything, o.by_hand, o.none, o.own_rows, o.everything
    FROM bench.searches s, LATERAL (
      SELECT max(r.pages) FILTER (WHERE r.mode = 'hand-written') AS by_hand, max(r.pages) FILTER (WHERE r.mode = 'none') AS none,
             max(r.pages) FILTER (WHERE r.mode = 'own_rows') AS own_rows, max(r.pages) FILTER (WHERE r.mode = 'all') AS everything
      FROM bench.search_results r WHERE r.search = s.search AND r.principal = 'unrestricted member') p, LATERAL (
      SELECT max(r.pages) FILTER (WHERE r.mode = 'hand-written') AS by_hand, max(r.pages) FILTER (WHERE r.mode = 'none') AS none,
             max(r.pages) FILTER (WHERE r.mode = 'own_rows') AS own_rows, max(r.pages) FILTER (WHERE r.mode = 'all') AS everything
      FROM bench.search_results r WHERE r.search = s.search AND r.principal = 'owner') o
    ORDER BY s.n"
  # shellcheck disable=SC2016
  printf '\nWhere more pages are read than by hand although an index serves the query: by `own_rows` for want of estimates, by `all` where\n'
  printf 'the plans cost nearly the same.\n'
  table 'principal|setting|query|plan by hand|pages|plan|pages' "
    SELECT p.principal, r.mode, s.search, h.plan, h.pages, r.plan, r.pages
    FROM bench.search_results r JOIN bench.search_results h USING (principal, search) JOIN bench.searches s USING (search) JOIN bench.principals p USING (principal)
    WHERE h.mode = 'hand-written' AND (r.mode = 'all' OR r.mode = 'own_rows' AND s.needs <> 'trusted') AND r.pages > h.pages * 1.05 + 3
    ORDER BY p.position, r.mode DESC, s.n"
  printf '\nWhere trusted conditions take more than 1.3 times as long as by hand, and 10 microseconds more. Times have three digits after the point: below\n'
  printf '10 microseconds, one microsecond is a ratio of 1.1 and more.\n'
  table 'principal|query|by hand, ms|pages|ms|pages|ratio' "
    SELECT p.principal, r.search, h.best_ms, h.pages, r.best_ms, r.pages, bench.shown(r.best_ms / h.best_ms)
    FROM bench.search_results r JOIN bench.search_results h USING (principal, search) JOIN bench.principals p USING (principal)
    WHERE h.mode = 'hand-written' AND r.mode = 'all' AND r.best_ms > h.best_ms * 1.3 AND r.best_ms - h.best_ms > 0.01 ORDER BY p.position, r.search"
  printf '\nWhere a member of 1,000 workspaces reads other pages than by hand, with the default setting.\n'
  table 'query|plan by hand|pages|plan|pages' "
    SELECT r.search, h.plan, h.pages, r.plan, r.pages FROM bench.search_results r JOIN bench.search_results h USING (principal, search) JOIN bench.searches s USING (search)
    WHERE r.principal = 'member of 1000' AND r.mode = 'own_rows' AND h.mode = 'hand-written' AND r.pages * 2 < h.pages ORDER BY s.n"
}

goals_of_search() {
  sql -F '~' -c "
    WITH pairs AS (
      SELECT s.needs, s.query !~ 'logs|LATERAL' AS one_table, r.mode, r.principal, (r.plan, r.indexes) IS NOT DISTINCT FROM (h.plan, h.indexes) OR r.pages <= h.pages AS same, r.pages <= h.pages * 1.05 + 3 AS few_pages,
             r.best_ms / h.best_ms AS ratio
      FROM bench.search_results r JOIN bench.search_results h USING (principal, search) JOIN bench.searches s USING (search)
      WHERE h.mode = 'hand-written')
    SELECT 'Searches, trusted conditions (all): the plan by hand, or fewer pages', count(*)::text, (count(*) FILTER (WHERE same))::text, bool_and(same) FROM pairs WHERE mode = 'all'
    UNION ALL
    SELECT 'Searches, trusted conditions (all): execution, median', '≤ 1.05', bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio)),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) <= 1.05 FROM pairs WHERE mode = 'all'
    UNION ALL
    SELECT 'Searches, the default (own_rows), one table and an index led by the tenant: no more pages', count(*)::text, (count(*) FILTER (WHERE few_pages))::text, bool_and(few_pages)
    FROM pairs WHERE mode = 'own_rows' AND needs IN ('tenant', 'leakproof') AND one_table"
}
