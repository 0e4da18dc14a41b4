#!/usr/bin/env bash
# Random queries and writes in random worlds: what a principal gets of protected tables has to be what the same command
# gets of copies that hold the principal's rows and nothing else, however it is planned and executed.
#
#   test/differential/run.sh [WORLDS] [FIRST_SEED]      30 worlds from seed 1, with 4 principals and 8 queries each
#
# In a third as many worlds, row_visible() and its like are called by hand, anywhere in a query and over anything: as
# planning leaves it, a call must answer as it does row by row.
#
# Before that, leaks are planted, and each has to be noticed. Needs a running server as test/worlds/run.sh does; stops at
# the first difference and names the seed, principal and query; "run.sh 1 SEED" plays it again.
set -euo pipefail
cd "$(dirname "$0")"
source ../worlds/sessions.sh
worlds=${1:-30}
first=${2:-1}

[ "$(sql -d postgres -At -c 'SET jit = on' -c 'SELECT pg_jit_available()')" = t ] || { echo 'failed: this server cannot compile (JIT)' >&2; exit 1; }
open_databases tenancy_differential sources.sql queries.sql writes.sql compare.sql plants.sql calls.sql compare_calls.sql
sql -d tenancy_differential_1 -c "CALL differential.find_plants(1)" -c "CALL differential.find_planted_calls(1)"
in_both tenancy_differential "CALL differential.run($first + {session} - 1, $((first + worlds - 1)), 2)"
in_both tenancy_differential "CALL differential.run_calls($first + {session} - 1, $first + $(((worlds - 1) / 3)), 2)"
join_tables tenancy_differential differential.tallies differential.other_tallies
sql -d tenancy_differential_1 -At -c 'SELECT differential.report()'
if ((worlds >= 30)); then
  unmet=$(sql -d tenancy_differential_1 -At -c 'SELECT differential.unmet() UNION ALL SELECT differential.unasked()')
  if [ -n "$unmet" ]; then
    printf 'failed: none of these had rows, so the test says little:\n%s\n' "$unmet" >&2
    exit 1
  fi
fi
sql -d tenancy_differential_1 -At -c 'SELECT differential.summary() UNION ALL SELECT differential.calls_summary()'
drop_databases tenancy_differential
