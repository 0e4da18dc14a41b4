#!/usr/bin/env bash
# Runs every test, or the stages named: scripts/check.sh [STAGE...], in the order of the list below.
#
#   static       the checks of ci/ that need no build
#   unit         the core: unit and property tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   fuzz         the core's parsers: each fuzzer for a few seconds
#   gcc          the module compiles with g++, warnings are errors
#   vpath        the module builds in a folder of its own, and installs what a build in the source folder installs
#   clang        the same with clang
#   exports      the module exports only our symbols
#   regress      the SQL surface: sql/ against expected/
#   isolation    concurrent sessions: test/isolation
#   integration  programs that use libpq: test/integration
#   pool         the same behind PgBouncer: test/pool
#   clients      drivers, frameworks and tools, used as docs/clients says: test/clients/run.sh
#   poolers      of these PgBouncer and Pgpool-II only; runs if named, and by check-versions.sh with newer ones
#   pgtap        extension pg_tenancy_testing, and the example suite written with it: test/pgtap, examples/testing
#   tap          several servers, restarts, logs: test/tap
#   worlds       test/worlds/run.sh
#   differential random queries against copies that hold the principal's rows only: test/differential/run.sh
#   sqlsmith     queries by sqlsmith must not reach hidden rows: test/sqlsmith/run.sh
#   attacks      every kind of login except superusers tries forbidden actions: test/attacks/run.sh
#   faults       test/faults/run.sh, on a module built with FAULTS=1
#   ubsan        sql/ again, on a module built with UndefinedBehaviorSanitizer
#   upgrade      test/upgrade/run.sh: updates of the extension, and sessions that continue during them
#   docs         the reference and the pages match the database, and their examples print the output shown:
#                scripts/reference.sh --check, scripts/pages.sh --check
#   demo         scripts/demo.sh
#   bench        bench/smoke.sh
#
# TESTS="a b" limits regress, isolation, tap, ubsan to these files.  LONG=1 has worlds, differential, sqlsmith and attacks try many
# times as much, and ubsan run the long files as well (make check-long).  Missing packages are installed; with
# INSTALL_PACKAGES=no (make check) the stages that need them are left out, and the end names them.  Each stage that needs a server gets a fresh one; no other server
# and no PostgreSQL folder is touched.  Objects are kept in $BUILD_DIR (default: build/).  Scripts of the last kinds find
# in their environment: PGHOST, PGPORT, PGUSER, PGDATABASE of that server (the user is a superuser), PG_CONFIG, and
# PG_TENANCY_STAGE, the folder below which the module is installed.
#
# The output of failed stages is repeated at the end.  The last line counts stages: "N passed, N failed".

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lib-stages.sh
source "$ROOT_DIR/scripts/lib-stages.sh"
cd "$ROOT_DIR"

BUILD_DIR=${BUILD_DIR:-$ROOT_DIR/build}
GXX=g++
CLANGXX=clang++-14
FUZZ_SECONDS=${FUZZ_SECONDS:-5}
STAGES=(static unit fuzz gcc vpath clang exports regress isolation integration pool clients pgtap tap worlds differential sqlsmith
  attacks faults ubsan upgrade docs demo bench)
# A part of another one.
PARTIAL_STAGES=(poolers)

# --- stages -----------------------------------------------------------------------------------------------------

stage_static() {
  local script broken=()
  for script in ci/*.sh; do
    # Needs a module; a stage of its own.
    [[ $script != ci/exports.sh ]] || continue
    bash "$script" || broken+=("$script")
  done
  [[ ${#broken[@]} -eq 0 ]] || fail "failed: ${broken[*]} (ci/README.md says why they exist)"
}

stage_unit() {
  cmake_build core-gcc "$GXX" unit_tests
  run_ctest unit -j "$(nproc)"
}

stage_fuzz() {
  local source name corpus
  cmake_build core-clang "$CLANGXX" fuzzers
  for source in test/fuzz/*_fuzz.cpp; do
    name=$(basename "$source" .cpp)
    say "$name"
    # Findings go to a new folder; the corpus of the tree is only read.
    mkdir "$WORK_DIR/$name"
    corpus=(test/fuzz/corpus/"${name%_fuzz}"/)
    [[ -d ${corpus[0]} ]] || corpus=()
    "$BUILD_DIR/core-clang/$name" -max_total_time="$FUZZ_SECONDS" -artifact_prefix="$WORK_DIR/$name/" \
      "$WORK_DIR/$name" "${corpus[@]}" >"$WORK_DIR/$name.log" 2>&1 || {
      tail -n 60 "$WORK_DIR/$name.log"
      return 1
    }
  done
}

stage_gcc() { need_module gcc "CXX=$GXX"; }

# Compares the installed files; the flags do not matter, so compilation is quick.
stage_vpath() {
  local source=$BUILD_DIR/vpath_source objects=$BUILD_DIR/vpath stage pg_config goal
  need_module gcc "CXX=$GXX"
  stage=$(stage_dir vpath)
  pg_config=$(find_pg_config)
  mkdir -p "$objects"
  copy_tree "$source"
  for goal in all install; do
    make -s -C "$objects" -f "$source/Makefile" -j"$(nproc)" "$goal" DESTDIR="$stage" PG_CONFIG="$pg_config" CXX="$GXX" \
      CXXFLAGS='-O0 -w' >"$WORK_DIR/vpath.log" || { cat "$WORK_DIR/vpath.log"; return 1; }
  done
  diff -r --exclude='*.so' "$(stage_dir gcc)" "$stage"
  [[ -z $(find "$source" -name '*.o' -o -name '*.so') ]] || fail "a VPATH build wrote into the source folder"
}

stage_clang() { need_module clang "CXX=$CLANGXX"; }

stage_exports() {
  need_module gcc "CXX=$GXX"
  bash ci/exports.sh "$(stage_dir gcc)$("$(find_pg_config)" --pkglibdir)/pg_tenancy.so"
}

stage_regress() {
  local names
  need_module gcc "CXX=$GXX"
  names=$(test_names sql sql)
  run_pg_regress regress gcc regress/pg_regress contrib_regression "$(regress_input regress)" "$names"
}

stage_isolation() {
  local names
  need_module gcc "CXX=$GXX"
  names=$(test_names test/isolation/specs spec)
  run_pg_regress isolation gcc isolation/pg_isolation_regress isolation_regression test/isolation "$names"
}

stage_integration() { run_libpq_tests integration; }

stage_pool() { run_libpq_tests pool; }

stage_clients() {
  need_module gcc "CXX=$GXX"
  need_server clients gcc --tcp
  # Packages of npm are kept, as objects are.
  export BUILD_DIR
  run_script clients test/clients/run.sh
}

stage_poolers() {
  need_module gcc "CXX=$GXX"
  need_server poolers gcc --tcp
  export BUILD_DIR
  run_script poolers test/clients/run.sh pgbouncer pgpool
}

stage_pgtap() {
  need_module gcc "CXX=$GXX"
  need_server pgtap gcc
  pg_prove test/pgtap/*.sql
  # The example of a user's own tests, as its README says to run it.
  createdb example
  psql -X -q -d example -v ON_ERROR_STOP=1 -o /dev/null -f examples/testing/schema.sql
  pg_prove -d example examples/testing/tests/*.sql
}

stage_tap() {
  local copy=$WORK_DIR/tap pgxs log names
  names=$(test_names test/tap pl | sed 's,.*,test/tap/&.pl,')
  need_module gcc "CXX=$GXX"
  export PG_CONFIG PG_TENANCY_STAGE TEMP_CONFIG
  PG_CONFIG=$(find_pg_config)
  PG_TENANCY_STAGE=$(stage_dir gcc)
  # PostgreSQL::Test::Cluster adds this file to the settings of each server it makes.
  TEMP_CONFIG=$WORK_DIR/tap.conf
  extension_settings "$PG_TENANCY_STAGE" >"$TEMP_CONFIG"
  pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
  # They start their own servers, which root may not, and write below the working folder.  Since 17 two more variables name it.
  # They wait more than they compute: as many at once as there are processors.
  mkdir "$copy"
  cp -r test docs sql examples bench "$copy"
  give_to_server_user "$copy"
  # shellcheck disable=SC2016,SC2086
  as_server_user env PATH="$(server_bin):$PATH" PG_REGRESS="$pgxs/src/test/regress/pg_regress" TESTDIR="$copy" TMPDIR="$copy" \
    TESTDATADIR="$copy/tmp_check" TESTLOGDIR="$copy/tmp_check/log" bash -c 'cd "$1" && prove --jobs "$(nproc)" -I "$2" -I test/tap/lib "${@:3}"' - "$copy" "$pgxs/src/test/perl" $names || {
    for log in "$copy"/tmp_check/log/regress_log_*; do
      # A test that died has not counted its assertions.
      if grep -Eq '(^|\) )not ok ' "$log" || ! grep -Eq '(^|\) )1\.\.[0-9]+$' "$log"; then
        say "--- end of $(basename "$log")"
        tail -n 60 "$log"
      fi
    done
    return 1
  }
}

stage_worlds() {
  need_module gcc "CXX=$GXX"
  need_server worlds gcc
  run_script worlds test/worlds/run.sh "${WORLDS:-$(how_many 90 500)}"
}

stage_differential() {
  need_module gcc "CXX=$GXX"
  need_server differential gcc
  run_script differential test/differential/run.sh "$(how_many 20 350)"
}

stage_sqlsmith() {
  need_module gcc "CXX=$GXX"
  need_server sqlsmith gcc
  run_script sqlsmith test/sqlsmith/run.sh "$(how_many 2500 50000)"
}

stage_attacks() {
  need_module gcc "CXX=$GXX"
  need_server attacks gcc
  SERVER_LOG=$WORK_DIR/attacks/log run_script attacks test/attacks/run.sh "$(how_many 1 20)"
}

stage_faults() {
  need_module faults "CXX=$GXX" FAULTS=1
  need_server faults faults
  run_script faults test/faults/run.sh
}

stage_ubsan() {
  local names
  need_module ubsan "CXX=$GXX" UBSAN=1
  names=$(test_names sql sql)
  # They repeat in many ways what others do once.
  [[ -n ${LONG-}${TESTS-} ]] || names=$(grep -vxF -f test/long_tests <<<"$names")
  run_pg_regress ubsan ubsan regress/pg_regress contrib_regression "$(regress_input ubsan)" "$names"
  # A report ends the session, which a test that expects an error could take for one.
  if grep 'runtime error:' "$WORK_DIR"/ubsan*/log; then fail "undefined behaviour, see above"; fi
}

stage_upgrade() {
  need_module gcc "CXX=$GXX"
  BUILD_DIR=$BUILD_DIR CXX=$GXX bash test/upgrade/run.sh
}

# Runs every example of the reference and the pages, and compares the output.
stage_docs() {
  need_module gcc "CXX=$GXX"
  PG_TENANCY_STAGE=$(stage_dir gcc) bash scripts/reference.sh --check
  PG_TENANCY_STAGE=$(stage_dir gcc) bash scripts/pages.sh --check
}

stage_demo() {
  bash scripts/demo.sh
}

stage_bench() {
  need_module gcc "CXX=$GXX"
  need_server bench gcc
  run_script bench bench/smoke.sh
}

# --- all of it --------------------------------------------------------------------------------------------------

selected_stages() {
  local name
  for name in "$@"; do
    [[ " ${STAGES[*]} ${PARTIAL_STAGES[*]} " == *" $name "* ]] || fail "no stage \"$name\"; there are: ${STAGES[*]} ${PARTIAL_STAGES[*]}"
  done
  for name in "${STAGES[@]}"; do
    if [[ $# -eq 0 || " $* " == *" $name "* ]]; then printf '%s\n' "$name"; fi
  done
  for name in "${PARTIAL_STAGES[@]}"; do
    if [[ " $* " == *" $name "* ]]; then printf '%s\n' "$name"; fi
  done
}

stop_servers() {
  local dir
  for dir in "$WORK_DIR"/*/data; do
    [[ ! -e $dir/postmaster.pid ]] || stop_server "${dir%/data}"
  done
}

# In a subshell and outside of any condition, so that the first command that fails ends the stage and nothing else.
run_stage() {
  local name=$1 start=$SECONDS log=$WORK_DIR/$1.out status
  printf '\n=== %s\n' "$name"
  set +e
  (
    set -e
    "stage_$name"
  ) </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  stop_servers
  set -e
  if [[ $status -eq 0 ]]; then
    passed=$((passed + 1))
    summary+=("$(printf '%-12s passed %5d s' "$name" $((SECONDS - start)))")
  else
    failed=$((failed + 1))
    failures+=("$name")
    summary+=("$(printf '%-12s FAILED %5d s' "$name" $((SECONDS - start)))")
  fi
  say "=== ${summary[-1]}"
}

main() {
  local name missing selected packages=() lacking=() stages=() summary=() failures=() passed=0 failed=0
  selected=$(selected_stages "$@")
  for name in $selected; do
    missing=
    # shellcheck disable=SC2046
    [[ ${INSTALL_PACKAGES-} != no ]] || missing=$(missing_packages $(packages_of "$name") | xargs)
    if [[ -n $missing ]]; then
      summary+=("$(printf '%-12s skipped, packages are missing: %s' "$name" "$missing")")
      # shellcheck disable=SC2206
      lacking+=($missing)
    elif has_tests "$name"; then
      stages+=("$name")
      # shellcheck disable=SC2207
      packages+=($(packages_of "$name"))
    else
      summary+=("$(printf '%-12s skipped, it has no tests' "$name")")
    fi
  done
  if ! (install_packages "${packages[@]}"); then
    printf '\n0 passed, 1 failed\n'
    return 1
  fi
  for name in "${stages[@]}"; do run_stage "$name"; done
  # Repeats the failures at the end.
  for name in "${failures[@]}"; do
    printf '\n=== %s FAILED\n' "$name"
    tail -n 120 "$WORK_DIR/$name.out"
  done
  printf '\n'
  printf '%s\n' "${summary[@]}"
  if [[ ${#lacking[@]} -gt 0 ]]; then
    printf '\nfor the skipped stages: apt-get install %s\n' "$(printf '%s\n' "${lacking[@]}" | sort -u | xargs)"
  fi
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 && $passed -gt 0 ]]
}

main "$@"
