#!/usr/bin/env bash
# Random worlds: tenants, rights, keys, tokens and protected tables made from a seed, where each principal's rows, rights and
# writes have to be what the access model, written as plain SQL in oracle.sql, says they are.
#
#   test/worlds/run.sh [WORLDS] [FIRST_SEED]      500 worlds from seed 1
#
# Needs a running server (PG* environment, a superuser) on which CREATE EXTENSION pg_tenancy works. Stops at the first
# difference and names the seed; "run.sh 1 SEED" plays it again. After a failure the databases tenancy_worlds_1 and
# tenancy_worlds_2 are left as they are, for a look.
set -euo pipefail
cd "$(dirname "$0")"
worlds=${1:-500}
first=${2:-1}
last=$((first + worlds - 1))
sessions=$((worlds < 2 ? 1 : 2))
sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
# A session whose psql is gone ends too.
export PGOPTIONS="-c client_min_messages=warning -c client_connection_check_interval=1000 ${PGOPTIONS:-}"

jobs=()
trap 'for job in "${jobs[@]}"; do kill "$job" 2>/dev/null || true; done' EXIT

drop() {
  sql -d postgres -c "DROP DATABASE IF EXISTS $1"
  sql -d postgres -At -c "SELECT format('DROP ROLE %I;', rolname) FROM pg_roles WHERE rolname LIKE '$1\\_%'" | sql -d postgres
}

for ((i = 1; i <= sessions; i++)); do
  database=tenancy_worlds_$i
  drop "$database"
  sql -d postgres -c "CREATE DATABASE $database"
  sql -d "$database" -o /dev/null -c 'CREATE EXTENSION pg_tenancy' \
    -f oracle.sql -f oracle_cases.sql -f generate.sql -f tokens.sql -f principals.sql -f check.sql -c 'SELECT worlds.set_up()'
done
for ((i = 1; i <= sessions; i++)); do
  # Every other world is asked with plans that are shared by principals.
  PGOPTIONS="$PGOPTIONS -c tenancy.share_plans=$((1 - i % 2))" \
    sql -d "tenancy_worlds_$i" -c "CALL worlds.run($((first + i - 1)), $last, $sessions)" &
  jobs+=($!)
done
for ((i = 1; i <= sessions; i++)); do
  wait -n || { echo 'failed: the error above names the seed' >&2; exit 1; }
done
jobs=()

if ((sessions > 1)); then
  sql -d tenancy_worlds_2 -c 'COPY worlds.totals TO STDOUT' | sql -d tenancy_worlds_1 -c 'COPY worlds.other_totals FROM STDIN'
fi
sql -d tenancy_worlds_1 -At -c 'SELECT worlds.report()'
if ((worlds >= 100)); then
  unmet=$(sql -d tenancy_worlds_1 -At -c 'SELECT worlds.unmet()')
  if [ -n "$unmet" ]; then
    printf 'failed: this was not met on both sides, so the test says little:\n%s\n' "$unmet" >&2
    exit 1
  fi
fi
sql -d tenancy_worlds_1 -At -c 'SELECT worlds.summary()'
for ((i = 1; i <= sessions; i++)); do
  drop "tenancy_worlds_$i"
done
