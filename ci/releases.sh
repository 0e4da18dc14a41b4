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

# check EXTENSION PART...
check() {
  local extension=$1 version script released update updates old at next
  shift
  version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$extension.control")
  updates=(extension/updates/"$extension"--*.sql)
  # A folder OLD--NEW makes a script for both extensions.
  for update in extension/updates/*--*/; do
    update=${update%/}
    updates+=("extension/updates/$extension--${update##*/}.sql")
  done

  for script in extension/released/"$extension"--*; do
    if [[ ! $script =~ --([0-9.]+)\.sql$ ]]; then
      echo "$script: must be named $extension--VERSION.sql"
      status=1
      continue
    fi
    released=${BASH_REMATCH[1]}
    if [[ $released == "$version" ]]; then
      if ! cat "$@" | cmp -s - "$script"; then
        echo "$script: version $version is released, and its parts have changed since: begin the next version"
        status=1
      fi
    elif [[ " ${updates[*]} " != *"/$extension--$released--"* ]]; then
      echo "$script: no script in extension/updates leads on from $released"
      status=1
    fi
  done

  for update in "${updates[@]}"; do
    old=${update##*/"$extension"--} old=${old%%--*}
    if [[ ! -e extension/released/$extension--$old.sql ]]; then
      echo "$update: extension/released/$extension--$old.sql is missing, so that nobody can test it"
      status=1
    fi
  done

  # From each of them, step by step, to the present version.
  for script in extension/released/"$extension"--*.sql; do
    at=${script##*--} at=${at%.sql}
    while [[ $at != "$version" ]]; do
      next=
      for update in "${updates[@]}"; do
        if [[ $update == */$extension--$at--* ]]; then next=$update; fi
      done
      [[ -n $next ]] || break
      at=${next##*--} at=${at%.sql}
    done
    if [[ $at != "$version" ]]; then
      echo "$script: the updates end at $at, and this is $version"
      status=1
    fi
  done
}

check pg_tenancy extension/[0-9][0-9]_*.sql
check pg_tenancy_testing extension/10_schema_closed.sql extension/testing/[0-9][0-9]_*.sql
exit $status
