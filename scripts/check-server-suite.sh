#!/usr/bin/env bash
# Runs PostgreSQL's own regression tests three times and compares the outcomes:
#
#   scripts/check-server-suite.sh SOURCE
#
# SOURCE is a source tree of PostgreSQL $PG_MAJOR (default 15), as `apt-get source postgresql-15` unpacks it.  The runs:
# a plain server; one with pg_tenancy in shared_preload_libraries; one that has the extension in the database as well, and
# in template1.  What the second and third print must be what the first prints, apart from what test/server_suite/explained.txt
# names.  Needs a C compiler.
#
# The last line is "N passed, N failed": one for each of the two comparisons.

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

[[ $# -eq 1 ]] || fail "usage: scripts/check-server-suite.sh SOURCE"
suite=$(cd "$1" && pwd)/src/test/regress
[[ -f $suite/parallel_schedule ]] || fail "\"$1\" is no source tree of PostgreSQL"
pg_config=$(find_pg_config)
pgxs=$(dirname "$("$pg_config" --pgxs)")/../..

# The functions that the tests load, and the two modules of contrib that they use.
build_libraries() {
  mkdir "$WORK_DIR/libraries"
  # shellcheck disable=SC2046
  cc $("$pg_config" --cflags) -fPIC -shared -w -I "$("$pg_config" --includedir-server)" -o "$WORK_DIR/libraries/regress.so" "$suite/regress.c"
  cp "$("$pg_config" --pkglibdir)"/{autoinc,refint}.so "$WORK_DIR/libraries"
}

# run_suite NAME STAGE [OPTION OF pg_regress...] -- [OPTION OF start_server...]
run_suite() {
  local name=$1 stage=$2 output=$WORK_DIR/$1_output options=() files
  shift 2
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  start_server "$WORK_DIR/$name" "$stage" "$@"
  [[ ${#options[@]} -eq 0 ]] || as_server_user "$(server_bin)/psql" -X -q -d template1 -c 'CREATE EXTENSION pg_tenancy'
  mkdir "$output"
  cp -r "$suite/." "$output"
  give_to_server_user "$output"
  # Its exit status says whether the outcome is what PostgreSQL expects, which is not what is asked here.
  as_server_user "$pgxs/src/test/regress/pg_regress" --inputdir="$output" --outputdir="$output" --bindir="$(server_bin)" \
    --dlpath="$WORK_DIR/libraries" --max-connections=10 --schedule="$output/parallel_schedule" --host="$PGHOST" --port="$PGPORT" \
    --user=postgres "${options[@]}" >"$output/log" 2>&1 || true
  files=("$output/results/"*.out)
  [[ ${#files[@]} -gt 150 ]] || { tail -n 20 "$output/log" "$WORK_DIR/$name/log"; fail "the tests did not run"; }
  say "$name: $(sed -n '/tests passed\|tests failed/s/^[# ]*//p' "$output/log" | tr -d '=' | xargs)"
  stop_server "$WORK_DIR/$name"
}

# normalized RUN TEST: what the run prints, without its own folder, and without what test/server_suite/explained.txt names.
# That has a line for each run and test: RUN, TEST, and how lines are passed over: "sort" (their order does not count), a
# regular expression, or "sort" and an expression; then the reason.  Columns are as wide as their longest value, hence the blanks and dashes.
normalized() {
  local run=$1 file=$2 how=$3
  sed "s|$WORK_DIR/$run|DIR|g" "$WORK_DIR/${run}_output/results/$file" | case $how in
    '') cat ;;
    sort) tr -s ' ' | sort ;;
    'sort '*) tr -s ' ' | sort | grep -Ev "${how#sort }" ;;
    *) tr -s ' -' | sed 's/ |/|/g; s/ *$//; s/-+-/+/g' | grep -Ev "$how|^ ?\([0-9]+ rows?\)$|^[-+]+$" ;;
  esac
}

how_explained() { awk -F '\t' -v run="$1" -v test="$2" '$1 == run && $2 == test { print $3 }' "$ROOT_DIR/test/server_suite/explained.txt"; }

compare() {
  local run=$1 file how differing=0 explained=0
  for file in "$WORK_DIR/plain_output/results/"*.out; do
    file=${file##*/}
    cmp -s <(normalized plain "$file" '') <(normalized "$run" "$file" '') && continue
    how=$(how_explained "$run" "${file%.out}")
    if [[ -n $how ]] && diff <(normalized plain "$file" "$how") <(normalized "$run" "$file" "$how"); then
      explained=$((explained + 1))
    else
      differing=$((differing + 1))
      say "=== $file"
      diff -U2 --label plain --label "$run" <(normalized plain "$file" '') <(normalized "$run" "$file" '') || true
    fi
  done
  say "$run: $explained tests differ as explained, $differing otherwise"
  [[ $differing -eq 0 ]]
}

stage=$WORK_DIR/stage
build_module build/gcc "$stage" WERROR=1
build_libraries
run_suite plain '' --
run_suite preloaded "$stage" -- -c shared_preload_libraries=pg_tenancy
run_suite extension "$stage" --load-extension=pg_tenancy -- -c shared_preload_libraries=pg_tenancy
passed=0 failed=0
for name in preloaded extension; do
  if compare "$name"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
say "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
