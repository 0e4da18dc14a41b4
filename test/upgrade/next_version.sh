#!/usr/bin/env bash
# Makes a tree one of the next version, OLD.99: test/upgrade/next_version.sh TREE <UPDATE
#
# As CONTRIBUTING.md says of a release; UPDATE leads from the present version to it, with what next.sql has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tree=$1
old=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$tree/pg_tenancy.control")
mkdir -p "$tree/extension/released" "$tree/extension/updates"
cat "$tree"/extension/[0-9][0-9]_*.sql >"$tree/extension/released/pg_tenancy--$old.sql"
sed -i "s/^default_version.*/default_version = '$old.99'/" "$tree/pg_tenancy.control"
cp test/upgrade/next.sql "$tree/extension/99_next.sql"
cat >"$tree/extension/updates/pg_tenancy--$old--$old.99.sql"
