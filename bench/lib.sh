# shellcheck shell=bash
# Functions shared by the benchmarks.  Source this, do not run it.  The server is the one that PG* names.
#
# Sizes, set by run.sh: ROWS, ORGANIZATIONS, ROUNDS, SECONDS_EACH (of pgbench), CALLS (in loops over one function).
#
#   progress TEXT...           says what goes on, on stderr
#   sql [PSQL-OPTION...]       runs SQL, from stdin unless an option says otherwise, and stops at the first error
#   sql_file NAME              runs sql/NAME with the sizes as variables
#   as_application             prints the statement that makes the session the application's
#   table HEADER QUERY         prints the query's result as a Markdown table; HEADER: names, separated by |
#   round_order ROUND WORD...  prints the words beginning with another one in each round, so that none is always first

BENCH_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

progress() { printf '%(%H:%M:%S)T %s\n' -1 "$*" >&2; }

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

sql_file() { sql -v rows="$ROWS" -v organizations="$ORGANIZATIONS" -o /dev/null -f "$BENCH_DIR/sql/$1"; }

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
