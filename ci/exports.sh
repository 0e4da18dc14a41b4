#!/usr/bin/env bash
# ci/exports.sh [MODULE]: the module's dynamic symbols are only those of exports.map.
#
# The server loads modules with RTLD_GLOBAL.  A template instantiation or a helper that slips out could be taken for
# the one of another C++ extension in the same backend, or the other way round, and nothing would say so.
set -euo pipefail

module=${1:-$(dirname "${BASH_SOURCE[0]}")/../pg_tenancy.so}
ours='^(Pg_magic_func|_PG_init|pg_finfo_pg_tenancy_[a-z0-9_]+|pg_tenancy_[a-z0-9_]+)$'

symbols=$(nm -D --defined-only --format=posix "$module" | cut -d' ' -f1)
if foreign=$(grep -Ev "$ours" <<<"$symbols"); then
  printf '%s exports symbols that are not ours:\n%s\n' "$module" "$(c++filt <<<"$foreign")"
  exit 1
fi
# A background worker's function is found by its name, too, and from PostgreSQL 16 on exported only if it is declared so.
workers=$(grep -rhoP 'bgw_function_name, "\K\w+' "$(dirname "${BASH_SOURCE[0]}")/../src")
for needed in Pg_magic_func _PG_init $workers; do
  if ! grep -qx "$needed" <<<"$symbols"; then
    echo "$module does not export $needed"
    exit 1
  fi
done
