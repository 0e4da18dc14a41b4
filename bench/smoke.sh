#!/usr/bin/env bash
# The whole suite, so small that its figures mean nothing: proves that it runs and that every alternative shows the same
# rows, and asserts no times.  Runs on the server that PG* names.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export READ_SAMPLES=2 READ_BUDGET_MS=10 CALLS=2000 RESOLUTIONS=50 WRITE_STATEMENTS=20 MEMORY_PRINCIPALS=100 WIDE_WORKSPACES=100
report=$(bash bench/run.sh --rows 10000 --organizations 20 --rounds 1 --seconds 1)

# Every case must have left a line for each thing that it measures of pg_tenancy.
lines=$(grep -cE '\| (pg_tenancy(, share_plans)?|tenancy|authorize|changes in .* organization|[0-9]+ (organizations|workspaces) \| statement) \|' <<<"$report")
[[ $lines -eq 68 ]] || {
  printf '%s\n' "$report"
  printf 'error: %s lines about pg_tenancy, not 68\n' "$lines" >&2
  exit 1
}
printf 'the benchmarks run\n'
