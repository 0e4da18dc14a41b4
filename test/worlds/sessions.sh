# shellcheck shell=bash
# Source this: worlds in two databases side by side, each in a session of its own.
#
#   open_databases NAME SQL_FILE...    makes the databases NAME_1 and NAME_2 with the extension and the worlds' functions
#   in_both NAME COMMAND               runs an SQL command in which {session} is 1 or 2
#   join_tables NAME FROM INTO         copies what the second session counted into a table of the first one
#   drop_databases NAME
#
# Needs a running server (PG* environment, a superuser) on which CREATE EXTENSION pg_tenancy works.
WORLDS_DIR=$(dirname "${BASH_SOURCE[0]}")
# A session whose psql is gone ends too.
export PGOPTIONS="-c client_min_messages=warning -c client_connection_check_interval=1000 ${PGOPTIONS:-}"
jobs=()
trap 'for job in "${jobs[@]}"; do kill "$job" 2>/dev/null || true; done' EXIT

sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }

drop_databases() {
  local i
  for i in 1 2; do
    sql -d postgres -c "DROP DATABASE IF EXISTS $1_$i"
    sql -d postgres -At -c "SELECT format('DROP ROLE %I;', rolname) FROM pg_roles WHERE rolname LIKE '$1\\_$i\\_%'" | sql -d postgres
  done
}

open_databases() {
  local i file files=()
  for file in "$WORLDS_DIR"/{oracle,oracle_cases,generate,kept,tokens,principals,check}.sql "${@:2}"; do
    files+=(-f "$file")
  done
  drop_databases "$1"
  for i in 1 2; do
    sql -d postgres -c "CREATE DATABASE $1_$i"
    sql -d "$1_$i" -o /dev/null -c 'CREATE EXTENSION pg_tenancy' "${files[@]}" -c 'SELECT worlds.set_up()'
  done
}

in_both() {
  local i
  for i in 1 2; do
    # The second one with plans that principals share.
    PGOPTIONS="$PGOPTIONS -c tenancy.share_plans=$((i - 1))" sql -d "$1_$i" -c "${2//\{session\}/$i}" &
    jobs+=($!)
  done
  for i in 1 2; do
    wait -n || { echo 'failed: the error above names the seed' >&2; exit 1; }
  done
  jobs=()
}

join_tables() {
  sql -d "$1_2" -c "COPY $2 TO STDOUT" | sql -d "$1_1" -c "COPY $3 FROM STDIN"
}
