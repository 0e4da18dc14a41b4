#!/usr/bin/env bash
# Counts the instructions that the server takes to resolve a principal, in a database with ten organizations and in one with more:
# bench/instructions/scale.sh [ORGANIZATIONS]     1,000 unless given; ten users and about fifty keys in each of them
#
# As in run.sh, one process in callgrind, and the difference between many and a few. A transaction that names its principal and asks
# who it is, less one that only names it. 100,000 organizations take a quarter of an hour to be made, and 10 GB.

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cd "$ROOT_DIR"

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make valgrind
BIN=$(server_bin)
PATH=$BIN:$PATH
SIZES=(10 "${1:-1000}")
[[ ${SIZES[1]} =~ ^[1-9][0-9]*$ ]] || fail "not a number of organizations: ${SIZES[1]}"
FEW=10 MANY=60
DATA=$WORK_DIR/server/data

# make_database ORGANIZATIONS: leaves $MANY members and keys of it in $WORK_DIR, one a line.
make_database() {
  local file
  local -x PGDATABASE=scale_$1
  psql -Xqd postgres -c "CREATE DATABASE $PGDATABASE TEMPLATE template0 ENCODING 'UTF8'"
  for file in schema tenants; do
    psql -Xq -v ON_ERROR_STOP=1 -v organizations="$1" -v keys=5 -o /dev/null -f "bench/sql/$file.sql" 2>"$WORK_DIR/psql.log" ||
      { cat "$WORK_DIR/psql.log" >&2; return 1; }
  done
  # The rights of a key are stored beside its secret when it is made or changed, and not when it is loaded.
  psql -XqAt -o "$WORK_DIR/api_key_$1" -c "CREATE TABLE bench.asked AS SELECT api_key_id, secret FROM bench.keys WHERE kind = 'workspace_user_key' ORDER BY md5(api_key_id::text) LIMIT $MANY" \
    -c 'UPDATE tenancy.api_keys SET name = name WHERE api_key_id IN (SELECT api_key_id FROM bench.asked)' -c 'SELECT secret FROM bench.asked'
  psql -Xqc 'VACUUM (FREEZE, ANALYZE)' -c CHECKPOINT
  psql -XqAtc "SELECT format('member-%s@organization-%s.example', number, organization) FROM bench.members
               ORDER BY md5(number::text || organization) LIMIT $MANY" >"$WORK_DIR/user_$1"
  psql -XqAtc 'SELECT (SELECT count(*) FROM tenancy.users), (SELECT count(*) FROM tenancy.api_keys)' >"$WORK_DIR/rows_$1"
}

# total ORGANIZATIONS SETTING TIMES QUESTION: instructions of a server that asks so often, each time as another principal.
total() {
  local count
  count=$({
    echo 'SET SESSION AUTHORIZATION bench_app'
    head -n "$3" "$WORK_DIR/$2_$1" | sed "s/.*/BEGIN\nSET LOCAL tenancy.\"$2\" = '&'\n$4\nCOMMIT/"
  } | as_server_user valgrind --tool=callgrind --callgrind-out-file=/dev/null "$BIN/postgres" --single -c log_min_messages=error \
    -D "$DATA" "scale_$1" 2>&1 >"$WORK_DIR/output" | tee "$WORK_DIR/log" | sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
  if [[ -z $count ]] || grep -E 'ERROR|FATAL' "$WORK_DIR/log" >&2; then
    tail -n 20 "$WORK_DIR/log" >&2
    fail "the server did not do it"
  fi
  printf '%s\n' "$count"
}

# cost ORGANIZATIONS SETTING QUESTION: instructions of a transaction that asks it.
cost() { printf '%d\n' $((($(total "$1" "$2" "$MANY" "$3") - $(total "$1" "$2" "$FEW" "$3")) / (MANY - FEW))); }

build_module build/instructions "$WORK_DIR/stage" >&2
start_server "$WORK_DIR/server" "$WORK_DIR/stage" -c session_preload_libraries=pg_tenancy -c jit=off -c autovacuum=off \
  -c fsync=off -c max_wal_size=8GB -c log_min_messages=error
psql -Xqc 'CREATE ROLE bench_app LOGIN'
for size in "${SIZES[@]}"; do make_database "$size"; done
stop_server "$WORK_DIR/server"

printf '| resolving | organizations | users, keys | instructions | 10 organizations = 1 |\n|---|---|---|---|---|\n'
for setting in user api_key; do
  first=
  for size in "${SIZES[@]}"; do
    taken=$(($(cost "$size" "$setting" 'SELECT tenancy.current_organization_id()') - $(cost "$size" "$setting" 'SELECT pg_backend_pid()')))
    first=${first:-$taken}
    printf '| %s | %d | %s | %d | %s |\n' "$setting" "$size" "$(tr '|' ' ' <"$WORK_DIR/rows_$size")" "$taken" \
      "$(awk -v a="$taken" -v b="$first" 'BEGIN { printf "%.3f", a / b }')"
  done
done
