#!/usr/bin/env bash
# Random worlds: tenants, rights, keys, tokens and protected tables made from a seed, where each principal's rows, rights
# and writes have to be what the access model, written as plain SQL in oracle.sql, says they are.
#
#   test/worlds/run.sh [WORLDS] [FIRST_SEED]      300 worlds from seed 1
#
# Needs a running server (PG* environment, a superuser) on which CREATE EXTENSION pg_tenancy works. Stops at the first
# difference and names the seed; "run.sh 1 SEED" plays it again. After a failure the databases tenancy_worlds_1 and
# tenancy_worlds_2 are left as they are, for a look.
set -euo pipefail
cd "$(dirname "$0")"
source ./sessions.sh
worlds=${1:-300}
first=${2:-1}

open_databases tenancy_worlds
in_both tenancy_worlds "CALL worlds.run($first + {session} - 1, $((first + worlds - 1)), 2)"
join_tables tenancy_worlds worlds.totals worlds.other_totals
sql -d tenancy_worlds_1 -At -c 'SELECT worlds.report()'
if ((worlds >= 100)); then
  unmet=$(sql -d tenancy_worlds_1 -At -c 'SELECT worlds.unmet()')
  if [ -n "$unmet" ]; then
    printf 'failed: this was not met on both sides, so the test says little:\n%s\n' "$unmet" >&2
    exit 1
  fi
fi
sql -d tenancy_worlds_1 -At -c 'SELECT worlds.summary()'
drop_databases tenancy_worlds
