# shellcheck shell=bash
# Functions shared by the benchmarks.  Source this, do not run it.  The server is the one that PG* names.
#
# Sizes, set by run.sh: ROWS, ORGANIZATIONS, KEYS (of each member; 1 unless set), ROUNDS, SECONDS_EACH (of pgbench), CALLS (in
# loops over one function).
#
#   progress TEXT...           says what goes on, on stderr
#   sql [PSQL-OPTION...]       runs SQL, from stdin unless an option says otherwise, and stops at the first error
#   sql_file NAME              runs sql/NAME with the sizes as variables
#   as_application             prints the statement that makes the session the application's
#   table HEADER QUERY         prints the query's result as a Markdown table; HEADER: names, separated by |
#   pgbench_times OPTION...    runs pgbench as the application, one client unless an option says otherwise, and prints the
#                              mean latency and the mean CPU time that the server took for a transaction, in µs
#   round_order ROUND WORD...  prints the words beginning with another one in each round, so that none is always first

SECONDS_EACH=${SECONDS_EACH:-3}
BENCH_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

progress() { printf '%(%H:%M:%S)T %s\n' -1 "$*" >&2; }

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

sql_file() { sql -v rows="$ROWS" -v organizations="$ORGANIZATIONS" -v keys="${KEYS:-1}" -o /dev/null -f "$BENCH_DIR/sql/$1"; }

as_application() { printf 'SET SESSION AUTHORIZATION bench_app;\n'; }

table() {
  local header=$1 query=$2
  printf '\n| %s |\n' "${header//|/ | }"
  awk -F '|' '{ for (i = 1; i <= NF; i++) printf "|---"; print "|" }' <<<"$header"
  sql -F ' | ' -c "$query" | sed 's/^/| /; s/$/ |/'
}

round_order() {
  local shift_by=$(($1 % ($# - 1)))
  shift
  printf '%s\n' "${@:shift_by + 1}" "${@:1:shift_by}"
}

# CPU time in ticks of all sessions of the server that have ended, when the application's have.
ended_sessions() {
  local postmaster
  until [[ $(sql -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bench_app'") == 0 ]]; do sleep 0.1; done
  sleep 0.2 # from the list of sessions to the end of the process
  postmaster=$(sql -c "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
  awk '{ print $16 + $17 }' "/proc/$postmaster/stat"
}

pgbench_times() {
  local before output
  before=$(ended_sessions)
  output=$(PGUSER=bench_app pgbench -n -c 1 -T "$SECONDS_EACH" -D organizations="$ORGANIZATIONS" "$@" 2>&1) || {
    printf '%s\n' "$output" >&2
    return 1
  }
  awk -v ticks=$(($(ended_sessions) - before)) -v per_second="$(getconf CLK_TCK)" '
    /^number of transactions actually processed/ { transactions = $6 }
    /^latency average/ { latency = $4 * 1000 }
    END { print latency, ticks / per_second * 1e6 / transactions }' <<<"$output"
}
