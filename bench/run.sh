#!/usr/bin/env bash
# Runs the benchmarks on the server that PG* names (a superuser's login, pg_tenancy installed), and prints a report in
# Markdown: bench/run.sh [--rows N] [--organizations N] [--rounds N] [--seconds N] [--scale N] [--cases "CASE..."]
#
# --rounds: how often each alternative has its turn; --seconds: of each run of pgbench; --scale: the largest number of
# organizations of the case "scale", that of --organizations unless given.
#
# Needs psql, pgbench and awk; where BENCH_PLOTS names a folder, gnuplot draws the ratios there. Makes databases and a
# role of its own, and removes them at the end. For figures that mean something use scripts/bench.sh, which also starts
# a server with settings that fit.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=bench/plots.sh
source "$BENCH_DIR/plots.sh"
ALL_CASES=(reads search partitions principals writes pool connection changes memory scale)
CASES=("${ALL_CASES[@]}")
for name in "${ALL_CASES[@]}"; do
  # shellcheck source=/dev/null
  source "$BENCH_DIR/cases/$name.sh"
done

usage() {
  printf 'error: %s\n' "$1" >&2
  exit 2
}

ROWS=5000000
ORGANIZATIONS=1000
ROUNDS=8
COMMAND=${BENCH_COMMAND:-bench/run.sh}
COMMAND+=${*:+ $*}
while [[ $# -gt 0 ]]; do
  if [[ $1 == --cases ]]; then
    read -ra CASES <<<"${2-}"
    for name in "${CASES[@]}"; do
      [[ " ${ALL_CASES[*]} " == *" $name "* ]] || usage "no case $name; there are: ${ALL_CASES[*]}"
    done
    shift 2
    continue
  fi
  [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage "$1 needs a positive number"
  case $1 in
    --rows) ROWS=$2 ;;
    --organizations) ORGANIZATIONS=$2 ;;
    --rounds) ROUNDS=$2 ;;
    --seconds) export SECONDS_EACH=$2 ;;
    --scale) SCALE=$2 ;;
    *) usage "there is no option $1" ;;
  esac
  shift 2
done

SCALE=${SCALE:-$ORGANIZATIONS}
DATABASE=pg_tenancy_bench
ADMINISTRATION=${PGDATABASE:-postgres}

remove_role() { PGDATABASE=$ADMINISTRATION sql -c 'DROP ROLE bench_app'; }

# Databases and roles of these names that existed before are the user's: only those created here are removed.
MADE=()

remove_databases() {
  local database
  for database in "${MADE[@]}"; do PGDATABASE=$ADMINISTRATION sql -c "DROP DATABASE $database WITH (FORCE)"; done
  remove_role
}

# make_database NAME: with the organizations and rows that the sizes say.
make_database() {
  local -x PGDATABASE=$1
  PGDATABASE=$ADMINISTRATION sql -c "CREATE DATABASE $1 TEMPLATE template0 ENCODING 'UTF8'"
  MADE+=("$1")
  sql_file schema.sql
  progress "generating $ORGANIZATIONS organizations"
  sql_file tenants.sql
  sql_file readers.sql
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
    "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(uname -r | cut -d . -f 1-2)"
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
  local name goals=
  for name in "${CASES[@]}"; do
    if [[ $(type -t "goals_of_$name") == function ]]; then goals+=$("goals_of_$name")$'\n'; fi
  done
  printf '\n## Goals\n\n| what | goal | measured | reached |\n|---|---|---|---|\n'
  awk -F '~' 'NF { printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 == "t" ? "yes" : $4 == "" ? "" : "**no**" }' <<<"$goals"
}

LOAD_BEFORE=$(cut -d ' ' -f 1 /proc/loadavg)
export PGOPTIONS='-c client_min_messages=warning'
sql -c 'CREATE ROLE bench_app LOGIN'
trap remove_databases EXIT
make_database "$DATABASE"
export PGDATABASE=$DATABASE
for name in "${CASES[@]}"; do "run_$name"; done
sql -c 'CREATE INDEX ON bench.samples (area, subject, metric)' -c 'ANALYZE bench.samples'
report_conditions
report_goals
for name in "${CASES[@]}"; do "report_$name"; done
[[ -z ${BENCH_PLOTS-} ]] || make_plots "$BENCH_PLOTS"
