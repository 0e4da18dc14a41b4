#!/usr/bin/env bash
# Counts the instructions that the server takes for each query of bench/sql/search.sql, protected and hand-written, by principal and
# setting of tenancy.trusted_conditions: bench/instructions/search.sh [PRINCIPAL...]     MODES="own_rows all" ONLY=REGEX (of queries)
#
# As in run.sh, numbers hardly differ on a busy machine. All queries are run by one session in callgrind, each twice: what the
# second run takes is printed, parsing, planning and execution included, and planning by itself. Half an hour for all principals.
# $SEARCH_CLUSTER names a stopped server's data directory with bench's data in database $SEARCH_DATABASE, if there is one already.

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cd "$ROOT_DIR"

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make valgrind
BIN=$(server_bin)
PATH=$BIN:$PATH
DATABASE=${SEARCH_DATABASE:-postgres}
MODES=${MODES:-own_rows all}
PRINCIPALS=("$@")
[[ $# -gt 0 ]] || PRINCIPALS=('unrestricted member' 'member of 5' 'member of 1000' 'owner')

# make_data: a server of its own, stopped.
make_data() {
  local file
  build_module build/instructions "$WORK_DIR/stage" >&2
  start_server "$WORK_DIR/server" "$WORK_DIR/stage" -c shared_preload_libraries=pg_tenancy -c jit=off -c autovacuum=off -c random_page_cost=1.1 \
    -c max_parallel_workers_per_gather=0 -c log_min_messages=error
  psql -Xqc 'CREATE ROLE bench_app LOGIN'
  for file in schema tenants readers logs alternatives measure search; do
    psql -Xq -v ON_ERROR_STOP=1 -v rows=100000 -v organizations=100 -v keys=1 -v docs=100000 -o /dev/null -f "bench/sql/$file.sql" 2>"$WORK_DIR/psql.log" ||
      { cat "$WORK_DIR/psql.log" >&2; return 1; }
  done
  psql -Xqc 'VACUUM (ANALYZE)' -c CHECKPOINT
  stop_server "$WORK_DIR/server"
  printf '%s\n' "$WORK_DIR/server/data"
}

# single DIR [COMMAND...]: a server of one process over a copy of the data, with statements from standard input.
single() {
  local dir=$1
  shift
  as_server_user "$@" "$BIN/postgres" --single -c max_parallel_workers_per_gather=0 -c log_min_messages=error -D "$dir" "$DATABASE"
}

# value STATEMENT: of one column, one row.
value() { single "$DATA" <<<"$1" 2>/dev/null | sed -n 's/^\t *1: [a-z_]* = "\(.*\)"\t(typeid.*$/\1/p'; }

# queries PRINCIPAL|"": one a line, by hand with the principal's filter.
queries() {
  single "$DATA" <<<"SELECT replace(bench.search_query(query, (SELECT filter FROM bench.principals WHERE principal = '$1')), E'\\n', ' ') AS q FROM bench.searches WHERE search ~ '${ONLY:-.}' ORDER BY n" 2>/dev/null |
    sed -n 's/^\t *1: q = "\(.*\)"\t(typeid.*$/\1/p'
}

# counts PRINCIPAL MODE: NUMBER TOTAL PLANNING, one line a query. A dump of callgrind ends before each statement, and the last at the end.
counts() {
  local dir=$WORK_DIR/dumps query n=0 file
  rm -rf "$dir"
  mkdir "$dir"
  give_to_server_user "$dir"
  {
    if [[ $2 == hand-written ]]; then
      echo 'SELECT 1'
      echo 'SELECT 1'
      echo 'SELECT 1'
      queries "$1"
    else
      echo "SET tenancy.trusted_conditions = '$2'"
      echo 'SET SESSION AUTHORIZATION bench_app'
      echo "SELECT bench.become('pg_tenancy', '$1')"
      queries ''
    fi
  } | awk 'NR <= 3 { print; next } { print; print } END { print "SELECT 1" }' |
    single "$DATA" valgrind --tool=callgrind --callgrind-out-file="$dir/out" --dump-before=pg_parse_query >"$dir/output" 2>"$dir/log"
  ! grep -E 'ERROR|FATAL' "$dir/log" >&2 || fail "a query of $1, $2 failed"
  # A dump holds what came before its statement; the first is of the start.
  for ((n = 0; ; n++)); do
    file=$dir/out.$((n * 2 + 6))
    [[ -e $file ]] || break
    printf '%d %s %s\n' $((n + 1)) "$(sed -n 's/^\(summary\|totals\): //p' "$file" | tail -n 1)" \
      "$(callgrind_annotate --inclusive=yes --threshold=100 "$file" 2>/dev/null | sed -n 's/^ *\([0-9,]*\) .*:pg_plan_queries .*/\1/p' | tr -d , | head -n 1)"
  done
}

DATA=${SEARCH_CLUSTER:-$(make_data)}
NAMES=$(single "$DATA" <<<"SELECT search AS q FROM bench.searches WHERE search ~ '${ONLY:-.}' ORDER BY n" 2>/dev/null | sed -n 's/^\t *1: q = "\(.*\)"\t(typeid.*$/\1/p')
printf '| principal | setting | query | by hand | protected | ratio | planning by hand | planning | execution ratio |\n|---|---|---|---|---|---|---|---|---|\n'
for principal in "${PRINCIPALS[@]}"; do
  counts "$principal" hand-written >"$WORK_DIR/hand"
  for mode in $MODES; do
    counts "$principal" "$mode" >"$WORK_DIR/protected"
    paste -d '|' <(printf '%s\n' "$NAMES") <(join "$WORK_DIR/hand" "$WORK_DIR/protected" | sort -n) |
      awk -F '|' -v principal="$principal" -v mode="$mode" '
        { split($2, c, " "); printf "| %s | %s | %s | %d | %d | %.3f | %d | %d | %.3f |\n", principal, mode, $1, c[2], c[4], c[4] / c[2], c[3], c[5], (c[4] - c[5]) / (c[2] - c[3]) }'
  done
done
