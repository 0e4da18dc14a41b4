#!/usr/bin/env bash
# What if working out the rights fails half-way? On a module built with FAULTS=1, which has tenancy.inject_fault.
#
#   - each fault is an error with its SQLSTATE, and the next statement is right
#   - nobody is left with the rights of a principal before
#   - a thousand of them cost no memory
#   - a backend that is killed takes the server down to recovery; afterwards the rights are what the catalogs say
set -euo pipefail
passed=0
failed=0
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

sql() { psql -XqtA -v ON_ERROR_STOP=1 -d faults "$@"; }

# expect WHAT EXPECTED ACTUAL
expect() {
  if [[ $2 == "$3" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf '%s\n  expected: %s\n  but got:  %s\n' "$1" "$2" "$3"
  fi
}

psql -XqtA -d postgres -v ON_ERROR_STOP=1 -c 'DROP DATABASE IF EXISTS faults' -c 'CREATE DATABASE faults' 2>/dev/null
sql <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION pg_tenancy;
CREATE ROLE faults_app LOGIN;
\o /dev/null
SELECT tenancy.trust_login('faults_app'), tenancy.create_organization('Acme', 'olivia@acme.test'),
       tenancy.create_workspace('acme', 'Search'), tenancy.create_user('mike@acme.test');
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
CREATE TABLE logs AS
SELECT n AS id, organization_id, workspace_id, slug FROM tenancy.workspaces, generate_series(1, 2) n;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id');
GRANT ALL ON logs TO faults_app;

-- What a statement gives to somebody while a fault is injected: rows, or the SQLSTATE.
CREATE FUNCTION outcome(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('tenancy.user', who, true);
  EXECUTE statement INTO result;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
CREATE FUNCTION inject(fault text) RETURNS void LANGUAGE sql SECURITY DEFINER AS
  $$ SELECT set_config('tenancy.inject_fault', fault, false) $$;
SQL

echo 'each fault, in each kind of statement'
for fault in out_of_memory:53200 unexpected:XX000 error:XX000; do
  state=${fault#*:}
  fault=${fault%:*}
  for statement in 'SELECT count(*) FROM logs' 'EXECUTE q' "SELECT tenancy.authorize('logs', 'view')" \
    'SELECT kind FROM tenancy.whoami()' "SELECT tenancy.explain_rows('logs')" \
    "SELECT tenancy.row_visible('logs', 'view', NULL, workspace_id, NULL, NULL) FROM logs" \
    "UPDATE logs SET id = id RETURNING 1" 'INSERT INTO logs (id) VALUES (1) RETURNING 1'; do
    expect "$statement while $fault" "$state 2 4 $state 2" "$(
      sql <<SQL | xargs
SET SESSION AUTHORIZATION faults_app;
PREPARE q AS SELECT count(*) FROM logs;
SELECT FROM outcome('olivia@acme.test', 'SELECT count(*) FROM logs');
SELECT inject('$fault') \g /dev/null
SELECT outcome('mike@acme.test', \$\$$statement\$\$);
SELECT inject('none') \g /dev/null
SELECT outcome('mike@acme.test', 'EXECUTE q');
SELECT outcome('olivia@acme.test', 'EXECUTE q');
SELECT inject('$fault') \g /dev/null
SELECT outcome('olivia@acme.test', \$\$$statement\$\$);
SELECT inject('none') \g /dev/null
SELECT outcome('mike@acme.test', 'SELECT count(*) FROM logs');
SQL
    )"
  done
done

# The faults are not in subtransactions here, and the session goes on.
echo 'a thousand faults cost no memory'
repeat() {
  local i
  for ((i = 0; i < $1; i++)); do
    echo "SELECT inject('$2') \\g /dev/null"
    echo 'SELECT count(*) FROM logs;'
    echo "SELECT inject('none') \\g /dev/null"
    echo 'SELECT count(*) FROM logs \g /dev/null'
  done
}
for fault in out_of_memory unexpected error; do
  result=$(
    {
      echo "SET \"tenancy.user\" = 'mike@acme.test';"
      # The first round also fills the server's caches, and so does measuring the first time.
      measure='SELECT sum(total_bytes) AS bytes, sum(total_bytes) - :bytes AS grown FROM pg_backend_memory_contexts \gset'
      echo '\set bytes 0'
      for round in 50 1000; do
        echo "$measure"
        echo 'SET SESSION AUTHORIZATION faults_app;'
        repeat $round "$fault"
        echo 'SELECT count(*) AS rows FROM logs \gset'
        echo 'RESET SESSION AUTHORIZATION;'
      done
      # one block of a context that happens to be full is no leak; a leak would be a thousand pieces
      echo "$measure"
      echo 'SELECT :rows, :grown < 20000;'
    } | psql -XqtA -d faults 2>"$errors" | xargs
  ) || true
  expect "rows and memory after a thousand times $fault" '2|t' "$result"
  expect "errors of a thousand times $fault" 1050 "$(grep -c '^ERROR' "$errors")"
done

echo 'a killed backend'
for round in 1 2 3; do
  # Somebody joins and leaves all the time, and somebody reads, until the killed backend ends all connections.
  for ((i = 0; i < 2000; i++)); do
    echo "SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test') \\g /dev/null"
    echo "SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member') \\g /dev/null"
  done | sql >/dev/null 2>&1 &
  writer=$!
  while :; do
    echo 'SELECT count(*) FROM logs \g /dev/null'
  done | PGOPTIONS="-c tenancy.user=mike@acme.test -c application_name=reader" psql -XqtA -d faults -U faults_app >/dev/null 2>&1 &
  reader=$!
  pid=
  for ((i = 0; i < 200; i++)); do
    pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE usename = 'faults_app'" 2>/dev/null || true)
    [[ -z $pid ]] || break
    sleep 0.05
  done
  sleep 0.$round
  kill -9 "$pid"
  wait "$writer" "$reader" 2>/dev/null || true
  for ((i = 0; i < 600; i++)); do
    if sql -c 'SELECT' >/dev/null 2>&1; then break; fi
    sleep 0.05
  done
  members=$(sql -c "SELECT count(*) FROM tenancy.workspace_members")
  expect "rows after a killed backend, $members members" $((2 * members)) "$(
    PGOPTIONS='-c tenancy.user=mike@acme.test' sql -U faults_app -c 'SELECT count(*) FROM logs'
  )"
  sql -c "SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member')" >/dev/null
  expect 'rows of the member' 2 "$(PGOPTIONS='-c tenancy.user=mike@acme.test' sql -U faults_app -c 'SELECT count(*) FROM logs')"
done

psql -XqtA -d postgres -c 'DROP DATABASE faults' -c 'DROP ROLE faults_app'
printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
