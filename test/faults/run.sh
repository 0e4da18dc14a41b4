#!/usr/bin/env bash
# What if working out the rights fails half-way? On a module built with FAULTS=1, which has tenancy.inject_fault.
#
#   - each fault is an error with its SQLSTATE, and the next statement is right
#   - nobody is left with the rights of a principal before
#   - so it is wherever it fails: at each allocation, each read of a catalog, each half-made plan
#   - and when a session is interrupted while it works, by a time limit, by another session
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

-- The result of a statement for a principal while a fault is injected: rows, or the SQLSTATE.
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
-- Drops the cached principal, so that it is computed anew, which can fail.
CREATE FUNCTION inject(fault text, after int DEFAULT 0) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
  UPDATE tenancy.workspaces SET name = name WHERE fault <> 'none' AND is_default;
  SELECT set_config('tenancy.inject_fault_after', after::text, false), set_config('tenancy.inject_fault', fault, false);
$$;
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

# The first point fails, then the second, and so on until none is left. Whoever asks is somebody else each time.
echo 'every point at which it could fail'
readonly points=150
total=0
olivia="SET tenancy.api_key = ''; SET tenancy.\"user\" = 'olivia@acme.test';"
mike="SET tenancy.api_key = ''; SET tenancy.\"user\" = 'mike@acme.test';"
secret=$(sql -c "SELECT secret FROM tenancy.create_api_key('workspace_user_key', 'k', 'acme', 'search', 'mike@acme.test', '[\"logs.view\"]')")
key="SET tenancy.\"user\" = ''; SET tenancy.api_key = '$secret';"
# each_point FAULT SQLSTATE SETTING WHO STATEMENT RIGHT: RIGHT is what comes after the points, of WHO and of Olivia
each_point() {
  local n found failures what="$5 with $3 while $1"
  found=$(
    {
      echo "SET SESSION AUTHORIZATION faults_app; SET $3;"
      echo 'PREPARE q AS SELECT count(*) FROM logs;'
      for ((n = 0; n < points; n++)); do
        echo "$olivia"
        echo "$5 \\g /dev/null"
        echo "SELECT inject('$1', $n) \\g /dev/null"
        echo "$4"
        # With shared plans, the statement that chooses the principal looks it up.
        echo '\set state :SQLSTATE'
        echo '\if :ERROR'
        echo "SELECT inject('none') \\g /dev/null"
        echo "$4"
        echo '\endif'
        echo "$5;"
        echo "SELECT CASE :'state' WHEN '00000' THEN :'SQLSTATE' ELSE :'state' END AS state \\gset"
        echo "SELECT inject('none') \\g /dev/null"
        echo '\echo :state'
        echo "$5;"
        echo 'SELECT count(*) FROM logs;'
        echo "$olivia"
        echo "$5;"
        echo '\echo .'
      done
    } | psql -XqtA -d faults 2>/dev/null | xargs | sed 's/ \. */\n/g; s/ \.$//'
  )
  failures=$(grep -c "^$2 " <<<"$found" || true)
  expect "$what: right, or the fault and then right" '' "$(grep -vxF -e "$6" -e "$2 ${6#* 00000 }" -e "${6/00000/$2}" <<<"$found" | head -n 3 || true)"
  expect "$what: right when no point is left" "$6" "$(tail -n 1 <<<"$found")"
  # That there are points, and that all were tried.
  expect "$what: points" t "$( ((failures >= 3 && failures < points)) && echo t || echo "$failures")"
  total=$((total + failures))
}
for fault in out_of_memory:53200 unexpected:XX000 error:XX000 cancel:57014; do
  state=${fault#*:}
  fault=${fault%:*}
  for setting in 'tenancy.share_plans = off' 'tenancy.share_plans = on' 'plan_cache_mode = force_generic_plan'; do
    each_point "$fault" "$state" "$setting" "$mike" 'EXECUTE q' '2 00000 2 2 4'
    each_point "$fault" "$state" "$setting" "$key" 'SELECT count(*) FROM logs' '2 00000 2 2 4'
  done
  each_point "$fault" "$state" 'tenancy.share_plans = off' "$key" "SELECT count(*) FILTER (WHERE tenancy.authorize('logs', 'view', slug)) FROM logs" '2 00000 2 2 4'
  each_point "$fault" "$state" 'tenancy.share_plans = off' "$mike" "SELECT tenancy.explain_rows('logs') ~ 'workspace'" 't 00000 t 2 f'
done
echo "$total failures"

echo 'a session that is terminated at a point'
for ((n = 0; n < 90; n += 9)); do
  result=$(
    {
      echo "SELECT inject('terminate', $n) \\g /dev/null"
      echo "$mike"
      echo 'SELECT count(*) FROM logs;'
    } | psql -XqtA -d faults -U faults_app 2>&1 | head -n 1
  ) || true
  expect "terminated at point $n" 'FATAL:  terminating connection due to administrator command' "$result"
done
expect 'another session after them' 2 "$(PGOPTIONS='-c tenancy.user=mike@acme.test' sql -U faults_app -c 'SELECT count(*) FROM logs')"

# Real interrupts come anywhere. A statement says who it is and asks many times over, so that there is something to
# interrupt.
echo 'an interrupted session'
sql <<SQL
CREATE FUNCTION ask(who text, key text) RETURNS bigint LANGUAGE plpgsql AS \$\$
DECLARE
  answer bigint;
BEGIN
  PERFORM set_config('tenancy.user', who, false), set_config('tenancy.api_key', key, false);
  EXECUTE 'SELECT count(*) FROM (SELECT FROM logs' || repeat(' UNION ALL SELECT FROM logs', 99) || ') s' INTO answer;
  RETURN answer;
END
\$\$;
SQL
# ask_in_turns TIMES [LIMIT]: with a time limit of 1 to LIMIT ms
ask_in_turns() {
  local i who
  for ((i = 0; i < $1; i++)); do
    for who in "olivia:'olivia@acme.test', ''" "mike:'mike@acme.test', ''" "key:'', '$secret'"; do
      [[ -z ${2-} ]] || echo "SET statement_timeout = '$((1 + i % $2))ms';"
      echo "\\echo -n ' ${who%%:*}:'"
      echo "SELECT ask(${who#*:});"
      [[ -z ${2-} ]] || echo 'SET statement_timeout = 0;'
    done
  done
}
# interrupted WHAT ERROR INPUT: every answer is right or none, and there are some of either
interrupted() {
  local answers
  answers=$(PGAPPNAME=interrupted psql -XqtA -d faults 2>"$errors" <<<'\set VERBOSITY terse
SET SESSION AUTHORIZATION faults_app;
'"$3" | tr -d '\n' | xargs -n 1) || true
  expect "$1: wrong answers" '' "$(grep -vxE '(olivia|mike|key):|olivia:400|(mike|key):200' <<<"$answers" | head -n 3 || true)"
  expect "$1: some are not answered" t "$(grep -qE ':$' <<<"$answers" && echo t)"
  expect "$1: some are answered" t "$(grep -qE ':[24]00$' <<<"$answers" && echo t)"
  expect "$1: errors" "$2" "$(sort -u "$errors")"
  echo "$1: $(grep -cE ':$' <<<"$answers") of $(wc -l <<<"$answers") interrupted"
}
interrupted 'by a time limit' 'ERROR:  canceling statement due to statement timeout' "$(ask_in_turns 40 40; ask_in_turns 2)"

PGAPPNAME=canceller sql <<'SQL' >/dev/null 2>&1 &
DO $$
BEGIN
  FOR i IN 1..1000 LOOP
    PERFORM pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'interrupted' AND state = 'active' AND query LIKE 'SELECT ask%';
    PERFORM pg_stat_clear_snapshot(), pg_sleep(0.04 * random());
  END LOOP;
END
$$
SQL
canceller=$!
stop_canceller="RESET SESSION AUTHORIZATION;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'canceller' \\g /dev/null
SET SESSION AUTHORIZATION faults_app;"
interrupted 'by another session' 'ERROR:  canceling statement due to user request' \
  "$(ask_in_turns 40; echo "$stop_canceller"; ask_in_turns 2)"
wait "$canceller" || true

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
