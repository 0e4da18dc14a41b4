#!/usr/bin/env bash
# Queries by sqlsmith, a program that knows nothing of this project: what it makes up from the catalogs is asked by one who
# may see a few rows, and nothing of the others, the canaries, may turn up, be it in a row, in an error message, or in the
# hands of a function that anybody could have made.
#
#   test/sqlsmith/run.sh [QUERIES] [SEED]      2500 queries from seed 1
#
# Needs a running server (PG* environment, a superuser) on which CREATE EXTENSION pg_tenancy works. The same queries are
# asked by one whom nothing filters, too: they do get hold of canaries. A query that brings down its backend ends the run.
set -euo pipefail
cd "$(dirname "$0")"
queries=${1:-2500}
seed=${2:-1}
database=tenancy_sqlsmith
smith=tenancy_sqlsmith_smith
bypass=tenancy_sqlsmith_bypass
batch=4000
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 "$@"; }

drop() { sql -d postgres -c "DROP DATABASE IF EXISTS $database" -c "DROP ROLE IF EXISTS $smith, $bypass"; }

# make_up COUNT SEED: each query with its number before it, in a transaction that is rolled back.
make_up() {
  sqlsmith --target="host=$PGHOST port=$PGPORT dbname=$database user=$smith" --exclude-catalog --dry-run --max-queries="$1" --seed="$2" \
    2>"$dir/sqlsmith.log" >"$dir/made" || { cat "$dir/sqlsmith.log" >&2; exit 1; }
  awk -v number=1 'function start() { printf "\\echo query %d\nBEGIN;\n", number++ }
    BEGIN { print "SET statement_timeout = 2000;"; start() } { print } /;$/ { print "ROLLBACK;"; start() } END { print "ROLLBACK;" }' \
    "$dir/made" >"$dir/queries.sql"
}

# ask LOGIN SETTINGS: rows and errors go to $dir/answers. Only a lost connection makes psql fail.
ask() {
  PGOPTIONS="-c client_min_messages=error $2" psql -X -q -At -d "$database" -U "$1" -f "$dir/queries.sql" >"$dir/answers" 2>&1 || {
    tail -n 5 "$dir/answers" >&2
    echo "failed: seed $seed, the connection was lost at the query below" >&2
    show_query "$(grep -c '^query [0-9]*$' "$dir/answers")"
    exit 1
  }
}

show_query() { awk -v number="$1" '/^\\echo query / { wanted = $3 == number } wanted' "$dir/queries.sql" >&2; }

count() { grep -ciE "$1" "$dir/answers" || true; }

# No query has that word in it, so that an error may quote it.
expect_no_canary() {
  local number
  number=$(awk '/^query [0-9]+$/ { number = $2 } tolower($0) ~ /canary/ { print number; exit }' "$dir/answers")
  [ -z "$number" ] || {
    echo "failed: seed $seed, $1: a canary turned up in" >&2
    show_query "$number"
    grep -i -m 3 canary "$dir/answers" >&2
    exit 1
  }
}

drop
sql -d postgres -c "CREATE DATABASE $database" -c "CREATE ROLE $smith LOGIN" -c "CREATE ROLE $bypass LOGIN BYPASSRLS"
sql -d "$database" -o /dev/null -v smith="$smith" -v bypass="$bypass" -f tables.sql

force_parallel=$(sql -d postgres -At -c "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')")
asked=0 seen=0 witnessed=0 answered=0
# On a busy machine those few that would get an own row can all time out: then a few more are asked.
while ((asked < queries || (answered == 0 && asked < 4 * queries))); do
  make_up $((asked < queries && queries - asked < batch ? queries - asked : batch)) "$seed"
  ask "$bypass" ''
  seen=$((seen + $(count canary)))
  witnessed=$((witnessed + $(count 'a witness saw')))
  ask "$smith" ''
  expect_no_canary 'as it comes'
  answered=$((answered + $(count '[|]mine')))
  ask "$smith" "-c $force_parallel=on -c parallel_leader_participation=off -c parallel_setup_cost=0 -c parallel_tuple_cost=0
    -c min_parallel_table_scan_size=0 -c enable_seqscan=off -c jit=off"
  expect_no_canary 'in parallel'
  sql -d "$database" -c "ALTER ROLE $smith SET tenancy.trusted_conditions = 'all'"
  ask "$smith" '-c enable_seqscan=off -c jit=off'
  expect_no_canary 'with trusted conditions in any index'
  sql -d "$database" -c "ALTER ROLE $smith RESET tenancy.trusted_conditions"
  asked=$((asked + batch))
  seed=$((seed + 1))
done
echo "without protection: $seen lines with canaries, $witnessed times seen by a witness"
((seen > 0 && witnessed > 0)) || { echo 'failed: without protection these queries should get hold of canaries' >&2; exit 1; }
((answered > 0)) || { echo 'failed: none of these queries got a row that it may have' >&2; exit 1; }
echo "ok: $queries queries, asked three times by one who may see a few rows: no canary, $answered lines with rows of its own"
