#!/usr/bin/env bash
# Runs the benchmarks on a throw-away PostgreSQL, prints the report and writes it to docs/performance/results.md,
# with plots beside it:
# scripts/bench.sh [--rows N] [--organizations N] [--rounds N] [--seconds N] [--scale N] [--cases "CASE..."]
#
# Packages that are missing are installed.  No other server and no PostgreSQL folder is touched.  Needs, for the default
# of 5,000,000 rows, 5 GB of disk, 4 GB of memory and about 25 minutes; with --scale 100000 25 GB and a quarter of an hour
# more.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

RESULTS=docs/performance/results.md

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make gnuplot-nox
say "building"
build_module build/bench "$WORK_DIR/stage"
PATH=$(server_bin):$PATH
start_server "$WORK_DIR/server" "$WORK_DIR/stage" -c shared_buffers=1GB -c effective_cache_size=3GB \
  -c maintenance_work_mem=512MB -c max_wal_size=8GB -c wal_level=minimal -c max_wal_senders=0 \
  -c random_page_cost=1.1 -c jit=off -c autovacuum=off -c shared_preload_libraries=pg_tenancy

mkdir "$WORK_DIR/plots"
BENCH_PLOTS=$WORK_DIR/plots BENCH_COMMAND=scripts/bench.sh bash bench/run.sh "$@" >"$WORK_DIR/results.md"
cat "$WORK_DIR/results.md"
# A part of the suite must not replace the report on all of it.
if [[ " $* " != *" --cases "* ]]; then
  mkdir -p "${RESULTS%/*}"
  cp "$WORK_DIR/results.md" "$RESULTS"
  cp "$WORK_DIR"/plots/*.svg "${RESULTS%/*}"
fi
