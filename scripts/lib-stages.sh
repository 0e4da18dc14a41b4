# shellcheck shell=bash
# Functions shared by the stages of check.sh.  Source this after lib.sh, do not run it.
#
#   packages_of STAGE                        prints the packages that a stage needs
#   has_tests STAGE
#   need_module VARIANT [VAR=VALUE...]       builds and installs the module once; stage_dir VARIANT prints where
#   need_server NAME VARIANT [OPTION...]     starts the server of a stage
#   cmake_build DIR COMPILER TARGET
#   run_ctest LABEL [OPTION...]              run_libpq_tests SUITE does so with a server
#   run_pg_regress STAGE VARIANT PROGRAM DATABASE INPUT NAMES
#   run_script SERVER SCRIPT [ARGUMENT...]
#
# Needs $BUILD_DIR and $GXX.

packages_of() {
  local module=("postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make)
  # Debian packs what compiles expressions apart since 18.
  [[ $PG_MAJOR -lt 18 ]] || module+=("postgresql-$PG_MAJOR-jit")
  local core=(g++ make cmake libgtest-dev libpq-dev libssl-dev)
  case $1 in
    static) echo clang-format-14 ;;
    unit) echo "${core[@]}" ;;
    fuzz) echo "${core[@]}" clang-14 libclang-rt-14-dev ;;
    clang) echo "${module[@]}" clang-14 ;;
    integration) echo "${module[@]}" "${core[@]}" ;;
    pool) echo "${module[@]}" "${core[@]}" pgbouncer ;;
    clients)
      echo "${module[@]}" libpq-dev pgbouncer chromium python3-psycopg python3-sqlalchemy python3-psycopg2 python3-django \
        python3-psycopg-pool libpostgresql-jdbc-java libhikaricp-java default-jdk-headless golang-go golang-github-jackc-pgx-v4-dev golang-github-lib-pq-dev ruby-pg \
        ruby-activerecord php-cli php-pgsql libdbd-pg-perl odbc-postgresql python3-pyodbc \
        r-base-core r-cran-rpostgresql rustc cargo librust-tokio-postgres-dev pgpool2
      # A node from elsewhere includes its own npm, and Debian's cannot be installed in addition.
      command -v npm >/dev/null || echo nodejs npm
      ;;
    poolers) echo "${module[@]}" pgbouncer pgpool2 python3-psycopg ;;
    pgtap) echo "${module[@]}" "postgresql-$PG_MAJOR-pgtap" libtap-parser-sourcehandler-pgtap-perl ;;
    tap)
      echo "${module[@]}" libipc-run-perl
      # A release candidate has no extensions yet.
      [[ $PG_MAJOR -ge 19 ]] || echo "postgresql-$PG_MAJOR-"{partman,cron,pgaudit,repack}
      ;;
    sqlsmith) echo "${module[@]}" sqlsmith ;;
    upgrade | docs) echo "${module[@]}" "postgresql-$PG_MAJOR-pgtap" ;;
    *) echo "${module[@]}" ;;
  esac
}

# A stage without tests is skipped.
has_tests() {
  local files
  case $1 in
    unit) files=(test/unit/*_test.cpp test/unit/*/*_test.cpp) ;;
    fuzz) files=(test/fuzz/*_fuzz.cpp) ;;
    regress | ubsan) files=(sql/*.sql) ;;
    isolation) files=(test/isolation/specs/*.spec) ;;
    integration | pool) files=(test/"$1"/*_test.cpp) ;;
    pgtap) files=(test/pgtap/*.sql) ;;
    tap) files=(test/tap/*.pl) ;;
    worlds | differential | sqlsmith | attacks | faults | upgrade | clients) files=(test/"$1"/run.s[h]) ;;
    bench) files=(bench/smoke.s[h]) ;;
    *) return 0 ;;
  esac
  [[ ${#files[@]} -gt 0 ]]
}

# Builds and installs the module once for all stages that use this variant; fails at once if that has failed before.
stage_dir() { printf '%s\n' "$WORK_DIR/stage_$1"; }

need_module() {
  local variant=$1 stage
  shift
  stage=$(stage_dir "$variant")
  [[ ! -e $stage.built ]] || return 0
  [[ ! -e $stage.failed ]] || fail "the module ($variant) did not build, see above"
  touch "$stage.failed"
  build_module "$BUILD_DIR/$variant" "$stage" WERROR=1 "$@"
  mv "$stage.failed" "$stage.built"
}

# need_server NAME VARIANT [OPTION...]: starts the server of a stage, with the module of a variant, and sets the
# environment that its tests get.  The options are those of start_server.
need_server() {
  local name=$1 variant=$2
  shift 2
  export PG_TENANCY_STAGE PG_CONFIG
  PG_CONFIG=$(find_pg_config)
  PG_TENANCY_STAGE=$(stage_dir "$variant")
  PATH=$(server_bin):$PATH
  start_server "$WORK_DIR/$name" "$PG_TENANCY_STAGE" "$@"
}

show_server_log() {
  say "--- end of the server's log"
  tail -n 40 "$WORK_DIR/$1/log"
}

cmake_build() {
  local dir=$BUILD_DIR/$1 compiler=$2 target=$3
  mkdir -p "$dir"
  (
    flock 9
    cmake -S . -B "$dir" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_RULE_MESSAGES=OFF >"$dir/configure.log" 2>&1 || {
      cat "$dir/configure.log"
      exit 1
    }
    cmake --build "$dir" -j "$(nproc)" --target "$target" -- -s
  ) 9>"$dir.lock"
}

# run_ctest LABEL [OPTION...]: one line on success, otherwise the output of ctest.
run_ctest() {
  local label=$1 log=$WORK_DIR/ctest_$1.log
  shift
  ctest --test-dir "$BUILD_DIR/core-gcc" -L "$label" --output-on-failure --no-tests=error "$@" >"$log" 2>&1 || {
    grep -Ev ' +Passed +[0-9.]+ sec$|^ +Start +[0-9]+:' "$log"
    return 1
  }
  grep 'tests passed' "$log"
}

# Names of the tests FOLDER/*.SUFFIX, or those of them that TESTS names.
test_names() {
  local file name found=
  for file in "$1"/*."$2"; do
    name=$(basename "$file" ".$2")
    if [[ -z ${TESTS-} || " $TESTS " == *" $name "* ]]; then
      printf '%s\n' "$name"
      found=yes
    fi
  done
  [[ -n $found ]] || fail "none of the tests in $1 is in TESTS=\"$TESTS\""
}

# run_pg_regress STAGE VARIANT PROGRAM DATABASE INPUT NAMES: as many servers at once as there are processors, each with its part of the
# tests, which do not depend on each other, and of the long ones. The databases are named as `make installcheck` names them.
run_pg_regress() {
  local stage=$1 names=$6 part parts running=() status=0
  parts=$(nproc)
  for ((part = 1; part <= parts; part++)); do
    run_regress_part "$stage$part" "${@:2:4}" "$(awk -v part="$part" -v parts="$parts" \
      'NR == FNR { long[$1]; next } ++count[$1 in long] % parts == part % parts' test/long_tests - <<<"$names")" >"$WORK_DIR/$stage$part.out" 2>&1 &
    running+=($!)
  done
  for ((part = 1; part <= parts; part++)); do
    wait "${running[part - 1]}" || status=1
    cat "$WORK_DIR/$stage$part.out"
  done
  return "$status"
}

# run_regress_part SERVER VARIANT PROGRAM DATABASE INPUT NAMES: runs in a copy, since the server's user has to read and write there.
run_regress_part() {
  local server=$1 variant=$2 program=$3 database=$4 input=$5 names=$6 output=$WORK_DIR/$1_output pgxs
  [[ -n $names ]] || return 0
  need_server "$server" "$variant"
  pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
  mkdir "$output"
  cp -r "$input"/. "$output"
  give_to_server_user "$output"
  # shellcheck disable=SC2086
  as_server_user "$pgxs/src/test/$program" --inputdir="$output" --outputdir="$output" --bindir="$(server_bin)" \
    --dbname="$database" --load-extension=pg_tenancy $names || {
    cat "$output/regression.diffs"
    show_server_log "$server"
    return 1
  }
}

# The size of an open-ended test: USUALLY LONG.
how_many() { if [[ -z ${LONG-} ]]; then say "$1"; else say "$2"; fi; }

# A folder that holds only what pg_regress and the tests read.
regress_input() {
  local input=$WORK_DIR/$1_input
  mkdir "$input"
  cp -r sql expected examples "$input"
  printf '%s\n' "$input"
}

# run_script SERVER SCRIPT [ARGUMENT...]
run_script() {
  bash "${@:2}" || {
    show_server_log "$1"
    return 1
  }
}

# Programs that connect to a server.
run_libpq_tests() {
  cmake_build core-gcc "$GXX" "$1_tests"
  need_module gcc "CXX=$GXX"
  need_server "$1" gcc
  run_ctest "$1" || {
    show_server_log "$1"
    return 1
  }
}
