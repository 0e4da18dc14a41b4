#!/usr/bin/env bash
# Runs the benchmarks on the server that PG* names (a superuser's login, pg_tenancy installed), and prints a report in
# Markdown: bench/run.sh [--rows N] [--organizations N] [--rounds N] [--seconds N]
#
# Needs psql, pgbench and awk.  Makes a database and a role of its own, and removes them at the end.  For figures that
# mean something use scripts/bench.sh, which also starts a server with settings that fit.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
CASES=(reads principals writes pool)
for name in "${CASES[@]}"; do
  # shellcheck source=/dev/null
  source "$BENCH_DIR/cases/$name.sh"
done

ROWS=5000000
ORGANIZATIONS=1000
ROUNDS=10
COMMAND=${BENCH_COMMAND:-bench/run.sh}
COMMAND+=${*:+ $*}
while [[ $# -gt 0 ]]; do
  [[ ${2-} =~ ^[1-9][0-9]*$ ]] || { printf 'error: %s needs a positive number\n' "$1" >&2; exit 2; }
  case $1 in
    --rows) ROWS=$2 ;;
    --organizations) ORGANIZATIONS=$2 ;;
    --rounds) ROUNDS=$2 ;;
    --seconds) export SECONDS_EACH=$2 ;;
    *) printf 'error: there is no option %s\n' "$1" >&2; exit 2 ;;
  esac
  shift 2
done

DATABASE=pg_tenancy_bench
ADMINISTRATION=${PGDATABASE:-postgres}

remove_database() {
  PGDATABASE=$ADMINISTRATION sql -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" -c 'DROP ROLE IF EXISTS bench_app'
}

make_database() {
  # Who has one of that name has it for a reason.
  sql -c "CREATE DATABASE $DATABASE TEMPLATE template0 ENCODING 'UTF8'"
  trap remove_database EXIT
  export PGDATABASE=$DATABASE PGOPTIONS='-c client_min_messages=warning'
  sql_file schema.sql
  progress "generating $ORGANIZATIONS organizations"
  sql_file tenants.sql
  progress "generating $ROWS rows"
  sql_file logs.sql
  sql_file alternatives.sql
  sql_file measure.sql
  sql -c 'VACUUM (ANALYZE)' -c CHECKPOINT
}

report_conditions() {
  local heap indexes
  IFS='~' read -r heap indexes < <(sql -F '~' -c "SELECT pg_size_pretty(pg_table_size('app.logs')),
                                                         pg_size_pretty(pg_indexes_size('app.logs'))")
  # shellcheck disable=SC2016
  printf '# Results\n\nWritten by `%s` on %(%Y-%m-%d)T; do not edit. README.md says how to read it.\n\n' "$COMMAND" -1
  printf -- '- Machine: %s, %s CPUs, %s GB of memory, Linux %s\n' \
    "$(LC_ALL=C lscpu | awk -F': +' '/^Model name/ { print $2; exit }')" "$(nproc)" \
    "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(uname -r)"
  printf -- '- Load average when it began and when it ended: %s, %s (the benchmark itself makes about 1)\n' \
    "$LOAD_BEFORE" "$(cut -d ' ' -f 1 /proc/loadavg)"
  printf -- '- PostgreSQL %s\n' "$(sql -c 'SHOW server_version')"
  printf -- '- Settings: %s\n' "$(sql -c "SELECT string_agg(name || ' ' || current_setting(name), ', ')
    FROM unnest(ARRAY['shared_buffers', 'work_mem', 'effective_cache_size', 'random_page_cost', 'jit', 'autovacuum',
                      'synchronous_commit', 'fsync', 'max_parallel_workers_per_gather']) name")"
  printf -- '- Data: %s rows (%s, indexes %s) of %s organizations, %s users, %s API keys; %s rounds\n' \
    "$(sql -c "SELECT to_char($ROWS, 'FM999,999,999,999')")" "$heap" "$indexes" "$ORGANIZATIONS" \
    "$(sql -c 'SELECT count(*) FROM tenancy.users')" "$(sql -c 'SELECT count(*) FROM tenancy.api_keys')" "$ROUNDS"
}

report_goals() {
  local goals
  goals=$(goals_of_reads && goals_of_principals)
  printf '\n## Goals\n\n| what | goal | measured | reached |\n|---|---|---|---|\n'
  awk -F '~' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 == "t" ? "yes" : $4 == "" ? "" : "**no**" }' <<<"$goals"
}

LOAD_BEFORE=$(cut -d ' ' -f 1 /proc/loadavg)
make_database
for name in "${CASES[@]}"; do "run_$name"; done
report_conditions
report_goals
for name in "${CASES[@]}"; do "report_$name"; done
