#!/usr/bin/env bash
# Counts the instructions that the server takes for what applications do most, of this tree and of others:
# bench/instructions/run.sh [COMMIT...]
#
# Numbers of instructions hardly differ from run to run, on a busy machine, too, so that a difference of one percent can be
# seen. They say nothing of waiting, nor of the processor's caches. The server runs as a single process (postgres --single) in
# callgrind; what a statement takes is the difference between many and a few of it. About half a minute for each tree.

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cd "$ROOT_DIR"

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make valgrind
PG_CONFIG=$(find_pg_config)
BIN=$(server_bin)
PATH=$BIN:$PATH

# name|statement|few|many
CASES=(
  'newest 50|SELECT * FROM logs ORDER BY created_at DESC LIMIT 50|10|30'
  'count|SELECT count(*) FROM logs|10|30'
  'insert|INSERT INTO logs (body) VALUES ($$x$$)|10|30'
  'first query|SELECT * FROM logs ORDER BY created_at DESC LIMIT 50|0|1'
)

# stage_of COMMIT ("" for the tree as it is): builds, prints where it is installed.
stage_of() {
  local stage=$WORK_DIR/stage_${1:-tree} tree=$ROOT_DIR/build/instructions_$1
  if [[ -z $1 ]]; then
    build_module "$ROOT_DIR/build/instructions" "$stage" >&2
  else
    [[ -d $tree ]] || { mkdir -p "$tree.new" && git -c safe.directory='*' archive "$1" | tar -C "$tree.new" -x && mv "$tree.new" "$tree"; }
    make -s -C "$tree" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" >"$WORK_DIR/make.log" 2>&1 || { tail "$WORK_DIR/make.log" >&2; return 1; }
    make -s -C "$tree" install DESTDIR="$stage" PG_CONFIG="$PG_CONFIG" >/dev/null
  fi
  printf '%s\n' "$stage"
}

# instructions DIR: of a server that runs the statements on standard input, one a line.
instructions() {
  local count
  rm -rf "$1/copy"
  as_server_user cp -r "$1/data" "$1/copy"
  count=$(as_server_user valgrind --tool=callgrind --callgrind-out-file=/dev/null "$BIN/postgres" --single -D "$1/copy" postgres 2>&1 >"$1/output" |
    tee "$1/valgrind.log" | sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
  if [[ -z $count ]] || grep -E 'ERROR|FATAL' "$1/valgrind.log" >&2; then
    tail -n 20 "$1/valgrind.log" >&2
    fail "the server did not do it"
  fi
  printf '%s\n' "$count"
}

repeated() {
  local n
  for ((n = 0; n < $2; n++)); do printf '%s\n' "$1"; done
}

# measure NAME COMMIT: name|case|instructions
measure() {
  local dir=$WORK_DIR/server_${2:-tree} stage secret name statement few many first last
  stage=$(stage_of "$2")
  start_server "$dir" "$stage" -c session_preload_libraries=pg_tenancy -c jit=off -c autovacuum=off -c log_min_messages=error
  psql -Xq -v ON_ERROR_STOP=1 -o /dev/null -f bench/instructions/world.sql 2>"$dir/psql.log" || { cat "$dir/psql.log" >&2; return 1; }
  secret=$(psql -XqAt -c 'SELECT secret FROM secret')
  stop_server "$dir"
  for line in "${CASES[@]}"; do
    IFS='|' read -r name statement few many <<<"$line"
    first=$({ printf "SET SESSION AUTHORIZATION bench_app\n"; [[ $few == 0 ]] || printf "SET tenancy.api_key = '%s'\n" "$secret"; repeated "$statement" "$few"; } | instructions "$dir")
    last=$({ printf "SET SESSION AUTHORIZATION bench_app\nSET tenancy.api_key = '%s'\n" "$secret"; repeated "$statement" "$many"; } | instructions "$dir")
    printf '%s|%s|%d\n' "$1" "$name" $(((last - first) / (many - few)))
  done
}

for commit in "$@"; do measure "$commit" "$(git -c safe.directory='*' rev-parse --short "$commit")"; done >"$WORK_DIR/counts"
measure 'this tree' '' >>"$WORK_DIR/counts"

# One row a case, one column a tree; of the last one, how it compares with the first.
awk -F '|' '
  !($1 in tree) { tree[$1] = ++trees; heading[trees] = $1 }
  !($2 in case_of) { case_of[$2] = ++cases; title[cases] = $2 }
  { count[$2, tree[$1]] = $3 }
  END {
    printf "| instructions for"; for (t = 1; t <= trees; t++) printf " | %s", heading[t]
    if (trees > 1) printf " | difference"
    printf " |\n|---"; for (t = 1; t <= trees + (trees > 1); t++) printf "|---"; printf "|\n"
    for (c = 1; c <= cases; c++) {
      printf "| %s", title[c]
      for (t = 1; t <= trees; t++) printf " | %d", count[title[c], t]
      if (trees > 1) printf " | %+.1f %%", 100 * (count[title[c], trees] / count[title[c], 1] - 1)
      printf " |\n"
    }
  }' "$WORK_DIR/counts"
