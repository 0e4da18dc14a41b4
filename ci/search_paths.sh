#!/usr/bin/env bash
# No function of the extension, or that it makes in a schema of users, finds names by a schema in which others may create.
#
# An overload of theirs with better matching arguments wins, wherever pg_catalog is in the path, and runs with the rights of whoever
# calls the function. Name the schema in the statement: EXECUTE format('... %s.logs ...', schema).
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."

! sed -E "
  s/--.*//
  s/search_path = pg_catalog, (tenancy, )?pg_temp//g
  s/set_config\('search_path', 'pg_catalog, (tenancy, )?pg_temp', true\)//g
  s/set_config\('search_path', format\('pg_catalog, %s, pg_temp', tenancy_testing.pgtap\(\)\), true\)//g
  s/current_setting\('+search_path'+\)//g
  /search_path/!d
  s/^ *//" extension/[0-9][0-9]_*.sql extension/testing/*.sql extension/updates/*/*.sql | grep .
