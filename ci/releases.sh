#!/usr/bin/env bash
# Each released install script is kept, leads on to the present version, and is the one that the parts still make as
# long as the version is theirs.
#
# A database with a version that no update starts from can neither be updated nor be used with the new module.  And a
# part that changes after the release gives one version two meanings: databases made before and after would differ.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0

version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" pg_tenancy.control)
updates=(extension/updates/*.sql)

for script in extension/released/*; do
  if [[ ! $script =~ /pg_tenancy--([0-9.]+)\.sql$ ]]; then
    echo "$script: must be named pg_tenancy--VERSION.sql"
    status=1
    continue
  fi
  released=${BASH_REMATCH[1]}
  if [[ $released == "$version" ]]; then
    if ! cat extension/[0-9][0-9]_*.sql | cmp -s - "$script"; then
      echo "$script: version $version is released, and extension/ has changed since: begin the next version"
      status=1
    fi
  elif [[ " ${updates[*]} " != *"/pg_tenancy--$released--"* ]]; then
    echo "$script: no script in extension/updates leads on from $released"
    status=1
  fi
done

for update in "${updates[@]}"; do
  old=${update##*/pg_tenancy--} old=${old%%--*}
  if [[ ! -e extension/released/pg_tenancy--$old.sql ]]; then
    echo "$update: extension/released/pg_tenancy--$old.sql is missing, so that nobody can test it"
    status=1
  fi
done

# From each of them, step by step, to the present version.
for script in extension/released/pg_tenancy--*.sql; do
  at=${script##*--} at=${at%.sql}
  while [[ $at != "$version" ]]; do
    next=(extension/updates/pg_tenancy--"$at"--*.sql)
    [[ ${#next[@]} -gt 0 ]] || break
    at=${next[-1]##*--} at=${at%.sql}
  done
  if [[ $at != "$version" ]]; then
    echo "$script: the updates end at $at, and this is $version"
    status=1
  fi
done
exit $status
