#!/usr/bin/env bash
# Checks protected tables on a Citus cluster: scripts/check-citus.sh
#
# Citus is in no Debian release. Where its library is in PostgreSQL's folder, or below the folder that $CITUS_STAGE names (as
# `make install DESTDIR=...` of its sources left it), this runs one coordinator and three workers, one of which is added late;
# elsewhere it says so. With FIGURES=yes it also prints what a claim costs.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

PG_CONFIG=$(find_pg_config)
PATH=$(server_bin):$PATH
citus_stage=${CITUS_STAGE-}
if [[ ! -e $citus_stage$("$PG_CONFIG" --pkglibdir)/citus.so ]]; then
  say "skipped: this machine has no Citus for PostgreSQL $PG_MAJOR (CITUS_STAGE can name a folder)"
  say "0 passed, 0 failed, 1 skipped"
  exit 0
fi

stage=$WORK_DIR/stage
build_module "${BUILD_DIR:-$ROOT_DIR/build}/gcc" "$stage" WERROR=1 CXX=g++
[[ -z $citus_stage ]] || cp -r "$citus_stage/." "$stage"
workers=(one two three)
for name in "${workers[@]}" coordinator; do
  make_cluster "$WORK_DIR/$name" "$stage" --tcp -c shared_preload_libraries=citus -c session_preload_libraries=pg_tenancy \
    -c wal_level=logical -c citus.node_conninfo=sslmode=disable -c citus.enable_version_checks=off -c password_encryption=scram-sha-256 \
    -c log_statement=all -c track_activity_query_size=64kB
  # Among these, everybody is believed: all are thrown away.
  sed -i 's/scram-sha-256/trust/' "$WORK_DIR/$name/data/pg_hba.conf"
  start_cluster "$WORK_DIR/$name"
  psql -X -q -c 'CREATE EXTENSION citus' -c 'CREATE EXTENSION pg_tenancy'
done
port_of() { (use_server "$WORK_DIR/$1" && echo "$PGPORT"); }
on() { (use_server "$WORK_DIR/$1" && shift && "$@"); }
coordinator_port=$PGPORT
log=$WORK_DIR/psql.log

passed=0 failed=0
result() {
  local name=$1 expected=$2 found=$3
  if [[ $found == "$expected" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    say "not ok: $name: $found, not $expected"
  fi
}
# answer QUERY [PSQL OPTION...]: the last line that the server prints, or the error's SQLSTATE.
answer() {
  local query=$1 found
  shift
  found=$(psql -X -A -t -q -v VERBOSITY=verbose -v SHOW_CONTEXT=never "$@" <<<"$query" 2>&1 |
    grep -v '^\(LOCATION\|HINT\|DETAIL\|NOTICE\|LINE\|WARNING\|while\)' | tail -n 1) || true
  [[ $found =~ ERROR:\ +([0-9A-Z]{5}) ]] && found=${BASH_REMATCH[1]}
  say "$found"
}
is() {
  local name=$1 expected=$2
  shift 2
  result "$name" "$expected" "$(answer "$@")"
}
give_key() { psql -X -q -c 'COPY tenancy_internal.cluster_keys TO STDOUT' | on "$1" psql -X -q -c 'COPY tenancy_internal.cluster_keys FROM STDIN'; }
set_on() { on "$1" psql -X -q -c "ALTER SYSTEM SET $2" -c 'SELECT pg_reload_conf()' >"$log"; }

# --- set-up, with each thing that can be missing -----------------------------------------------------------------------

psql -X -q -v ON_ERROR_STOP=1 >"$log" <<SQL
SELECT citus_set_coordinator_host('127.0.0.1', $coordinator_port);
SELECT citus_add_node('127.0.0.1', $(port_of one)), citus_add_node('127.0.0.1', $(port_of two));
CREATE TABLE first_table (organization_id uuid PRIMARY KEY);
SELECT tenancy.protect('first_table', 'logs', 'organization_id');
SQL
refusal() { psql -X -A -t -q -v VERBOSITY=default -c "SELECT tenancy.distribute('first_table')" 2>&1 | sed -n 's/127.0.0.1:[0-9]*/NODE/; s/^ERROR:  //p; s/^DETAIL:  //p' | tr '\n' ' '; }
result 'without a key' 'this node is in no cluster ' "$(refusal)"
psql -X -q -c 'SELECT tenancy.join_cluster() IS NOT NULL' >"$log"
result 'without claims required' 'node NODE cannot have rows of tenants It serves sessions without a claim, too. ' "$(refusal)"
set_on one 'tenancy.require_claims = on'
set_on two 'tenancy.require_claims = on'
sleep 1
result 'without the key on a worker' 'node NODE cannot have rows of tenants It does not have the same keys of the cluster. ' "$(refusal)"
give_key one
give_key two
psql -X -q -v ON_ERROR_STOP=1 -f test/citus/world.sql >"$log"
result 'distributes' '' "$(refusal)"
is 'only once' 55000 "SELECT tenancy.distribute('first_table')"

# --- the matrix ----------------------------------------------------------------------------------------------------------

value() { psql -X -A -t -q -c "$1"; }
acme=$(value "SELECT organization_id FROM tenancy.organizations WHERE slug = 'acme'")
globex=$(value "SELECT organization_id FROM tenancy.organizations WHERE slug = 'globex'")
key_of() { value "SELECT value FROM secrets WHERE name = '$1'"; }
workspace_of() { value "SELECT w.workspace_id FROM tenancy.workspaces w WHERE w.slug = '$1' LIMIT 1"; }
search=$(workspace_of search) support=$(workspace_of support) ads=$(value "SELECT workspace_id FROM tenancy.workspaces WHERE organization_id = '$globex' LIMIT 1")

principals=(
  "owner|app|SET tenancy.\"user\" = 'olivia@acme.test'"
  "owner by set_config()|app|SELECT set_config('tenancy.user', 'olivia@acme.test', false)"
  "narrowed owner|app|SET tenancy.\"user\" = 'olivia@acme.test'; SET tenancy.workspace = 'search'"
  "owner of another organization|app|SET tenancy.\"user\" = 'gus@globex.test'"
  "member of one workspace|app|SET tenancy.\"user\" = 'mike@acme.test'"
  "member of two workspaces|app|SET tenancy.\"user\" = 'two@acme.test'"
  "bound login|gus|SELECT 1"
  "bound login of a member|mike|SELECT 1"
  "member's role|app|SET ROLE mike; SET tenancy.\"user\" = 'olivia@acme.test'"
  "organization's key|plain|SET tenancy.api_key = '$(key_of acme)'"
  "another one's key, in a bound login|mike|SET tenancy.api_key = '$(key_of globex)'"
  "workspace's key|plain|SET tenancy.api_key = '$(key_of search)'"
  "user's key|plain|SET tenancy.api_key = '$(key_of mikes)'"
  "nobody|plain|SELECT 1"
)
# A row of another organization may go to a node that has no claim, and nobody's has no node at all: refused in any case.
normalized() { sed -E 's/^(psql:[^ ]* )?ERROR:  (42501|28000|22004)$/ERROR:  refused/; s/^(psql:[^ ]* )?ERROR/ERROR/; s/^(psql:[^ ]* )?NOTICE/NOTICE/'; }
run_statements() {
  local tables=$1 login=$2 setting=$3 line
  {
    printf '%s\n' '\set VERBOSITY sqlstate' '\pset format unaligned' '\pset tuples_only on' "$setting;"
    while IFS= read -r line; do
      printf '\\echo -- %s\n%s\n' "${line//:/.}" "$line"
    done <test/citus/statements.sql
  } | psql -X -q -U "$login" -v logs="${tables}_logs" -v prompts="${tables}_prompts" -v counted="${tables}_counted" -v caught="${tables}_caught" \
    -v sql="${tables}_sql" -v steps="${tables}_steps" -v acme="$acme" -v globex="$globex" -v search="$search" -v support="$support" -v ads="$ads" 2>&1 |
    normalized
}
# Every statement gives the same rows, or the same error, as on tables of the coordinator.
matrix() {
  local title=$1 principal name rest count different
  shift
  for principal in "$@"; do
    name=${principal%%|*} rest=${principal#*|}
    run_statements here "${rest%%|*}" "${rest#*|}" >"$WORK_DIR/here.out"
    run_statements far "${rest%%|*}" "${rest#*|}" >"$WORK_DIR/far.out"
    count=$(wc -l <test/citus/statements.sql)
    different=$(diff "$WORK_DIR/here.out" "$WORK_DIR/far.out" || true)
    if [[ -z $different ]]; then
      passed=$((passed + count))
    else
      failed=$((failed + 1))
      say "not ok: $title: $name:"
      diff -U4 "$WORK_DIR/here.out" "$WORK_DIR/far.out" | grep '^[-+ ]' | head -n "${DIFF_LINES:-30}" || true
    fi
  done
}
matrix 'two workers' "${principals[@]}"


# --- routing ---------------------------------------------------------------------------------------------------------------

set_acme="SET tenancy.\"user\" = 'olivia@acme.test';"
set_globex="SET tenancy.\"user\" = 'gus@globex.test';"
psql -X -q >"$log" <<'SQL'
CREATE FUNCTION tasks_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; found text := 'none';
BEGIN FOR line IN EXECUTE 'EXPLAIN ' || query LOOP found := coalesce(substring(line FROM 'Task Count: (.*)'), found); END LOOP; RETURN found; END $$;
SQL
for principal in "${principals[@]}"; do
  rest=${principal#*|}
  while IFS= read -r query; do
    is "one shard: ${principal%%|*}: $query" 1 "${rest#*|}; SELECT tasks_of('$query')" -U "${rest%%|*}"
  done <<'SQL'
SELECT count(*) FROM far_logs
SELECT * FROM far_logs a JOIN far_prompts b USING (organization_id, id) ORDER BY id DESC LIMIT 50
SELECT * FROM far_days ORDER BY id DESC LIMIT 50
SQL
done

# --- one principal in a transaction --------------------------------------------------------------------------------------

is 'another principal' 55000 "BEGIN; $set_acme SELECT count(*) FROM far_logs; $set_globex SELECT count(*) FROM far_logs;" -U app
is 'whose row would be written with the first one'"'"'s claim' 55000 \
  "BEGIN; $set_acme SELECT count(*) FROM far_logs; $set_globex INSERT INTO far_prompts (organization_id, workspace_id, id) VALUES ('$acme', '$search', 2000);" -U app
is 'or by nobody' 55000 "BEGIN; $set_acme SELECT count(*) FROM far_logs; RESET tenancy.\"user\"; INSERT INTO far_prompts (organization_id, workspace_id, id) VALUES ('$acme', '$search', 2000);" -U app
is 'also after a savepoint' 55000 "BEGIN; $set_acme SAVEPOINT s; SELECT count(*) FROM far_logs; ROLLBACK TO s; $set_globex SELECT count(*) FROM far_logs;" -U app
is 'also by set_config()' 55000 "BEGIN; $set_acme SELECT count(*) FROM far_logs; SELECT set_config('tenancy.user', 'gus@globex.test', true); DELETE FROM far_prompts;" -U app
is 'also in a cursor' 55000 "BEGIN; $set_acme DECLARE c CURSOR FOR SELECT id FROM far_logs; FETCH 1 FROM c; $set_globex FETCH 1 FROM c;" -U app
is 'the next transaction' 30 "BEGIN; $set_acme SELECT count(*) FROM far_logs; COMMIT; $set_globex SELECT count(*) FROM far_logs;" -U app
is 'nobody in the next transaction' 0 "BEGIN; $set_acme SELECT count(*) FROM far_logs; COMMIT; RESET tenancy.\"user\"; SELECT count(*) FROM far_logs;" -U app
is 'a role of the session is not another principal' 90 "$set_acme SELECT count(*) FROM far_logs; BEGIN; SET ROLE mike; SELECT count(*) FROM far_logs; RESET ROLE; SELECT count(*) FROM far_logs;" -U app
is 'settings that Citus sends along do not count' 90 "SET citus.propagate_set_commands = 'local'; BEGIN; SET LOCAL tenancy.\"user\" = 'gus@globex.test'; SET LOCAL tenancy.\"user\" = 'olivia@acme.test'; SELECT count(*) FROM far_logs;" -U app
is 'sealed' 90 "$set_acme BEGIN; SELECT tenancy.seal(); SELECT count(*) FROM far_logs;" -U app
is 'simulated' 30 "SELECT jsonb_array_length(jsonb_agg(s)) FROM tenancy.simulate('SELECT * FROM far_logs', 'gus@globex.test', login => 'gus') s"
is 'prepared for nobody' 90 "PREPARE q AS SELECT count(*) FROM far_logs; EXECUTE q; $set_acme EXECUTE q;" -U app
is 'prepared for one, executed by the other' 30 "$set_acme PREPARE q AS SELECT count(*) FROM far_logs; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; $set_globex EXECUTE q;" -U app
is 'shared plans' 30 "SET tenancy.share_plans = on; $set_acme PREPARE q AS SELECT count(*) FROM far_logs; EXECUTE q; EXECUTE q; $set_globex EXECUTE q;" -U app
is 'without the fast path of Citus' 0 "SET citus.enable_fast_path_router_planner = on; $set_acme SELECT count(*) FROM far_logs WHERE organization_id = '$globex'" -U app

# --- ways past the claim -----------------------------------------------------------------------------------------------

node_of() { value "SELECT n.nodeport FROM pg_dist_shard_placement p JOIN pg_dist_node n USING (nodename, nodeport) WHERE p.shardid = get_shard_id_for_distribution_column('far_logs', '$1'::uuid)"; }
shard_of() { value "SELECT '$1_' || get_shard_id_for_distribution_column('$1', '$2'::uuid)"; }
acme_port=$(node_of "$acme")
for name in one two; do [[ $(port_of "$name") != "$acme_port" ]] || acme_node=$name; done
shard=$(shard_of far_logs "$acme")
is 'loaded by a statement, the module refuses' 55000 "SELECT count(*) FROM far_logs" -U late
is 'also a query that Citus need not plan' 55000 "SELECT * FROM far_logs WHERE organization_id = '$acme' AND id = 1" -U late
is 'by a worker' 28000 'SELECT count(*) FROM far_logs' -U app -p "$acme_port" -h 127.0.0.1
is 'by a worker, as the owner' 28000 "$set_acme SELECT count(*) FROM far_logs" -U app -p "$acme_port" -h 127.0.0.1
is 'a shard by its name' 28000 "SET citus.override_table_visibility = off; SELECT count(*) FROM $shard" -U app -p "$acme_port" -h 127.0.0.1
is 'a shard written by its name' 28000 "SET citus.override_table_visibility = off; DELETE FROM $shard" -U app -p "$acme_port" -h 127.0.0.1
is 'as a node of Citus would' 28000 "SELECT count(*) FROM $shard" -U app -d "host=127.0.0.1 port=$acme_port dbname=postgres application_name='citus_internal gpid=10000000001'"
is 'by other connections of Citus' f "$set_acme SELECT bool_or(success) FROM run_command_on_workers('SELECT count(*) FROM far_logs')" -U app
is 'and by shards' f "$set_acme SELECT bool_or(success) FROM run_command_on_shards('far_logs', 'SELECT count(*) FROM %s')" -U app
is 'in the same transaction, too' f "$set_acme BEGIN; SELECT count(*) FROM far_logs; SELECT bool_or(success) FROM run_command_on_shards('far_logs', 'SELECT count(*) FROM %s')" -U app
is 'COPY from a client' 0A000 "$set_acme
COPY far_logs (organization_id, id) FROM STDIN;
$acme	3000
\\." -U app
is 'COPY to a client' 0A000 "$set_acme COPY far_logs TO STDOUT" -U app
is 'COPY to a client, with the claim of another principal there' 0A000 "$set_acme BEGIN; SELECT count(*) FROM far_logs; RESET tenancy.\"user\"; COPY far_logs TO STDOUT;" -U app
is 'COPY by a superuser' 120 "\\copy far_logs TO '/dev/null'
SELECT count(*) FROM far_logs"
is 'more connections than needed' 90 "$set_acme SET citus.force_max_query_parallelization = on; SELECT count(*) FROM far_logs" -U app
is 'a join with a table of the coordinator' 0A000 "$set_acme SELECT count(*) FROM here_logs JOIN far_logs USING (organization_id, id)" -U app
is 'a join with an open table' 90 "$set_acme SELECT count(*) FROM far_logs JOIN open USING (organization_id, id)" -U app
is 'such a join by nobody' 28000 "SELECT count(*) FROM far_logs JOIN open USING (organization_id, id)" -U plain

# A claim out of a log, by the same login, on the same node.
psql -X -q -U app -c "$set_acme" -c 'SELECT count(*) FROM far_logs' >"$log"
claim=$(grep -h -A1 'accept_claim(\$1)' "$WORK_DIR/$acme_node/log" | sed -n "s/.*parameters: \$1 = '\([A-Za-z0-9_-]*\)'.*/\1/p" | tail -n 1)
result 'a claim can be found in a log with parameters' yes "$([[ ${#claim} -gt 100 ]] && echo yes)"
result 'the text of no statement contains one' 0 "$(cat "$WORK_DIR"/{one,two}/log | grep -v 'DETAIL:' | grep -c "$claim" || true)"
is 'and is of no use' 28000 "SELECT tenancy.accept_claim('$claim')" -U app -p "$acme_port" -h 127.0.0.1
is 'nor with a challenge' 28000 "SELECT tenancy.claim_challenge(); SELECT tenancy.accept_claim('$claim')" -U app -p "$acme_port" -h 127.0.0.1
for key in acme globex search mikes; do
  result "no key is in a worker's log: $key" 0 "$(cat "$WORK_DIR"/{one,two}/log | grep -c -e "$(key_of "$key")" || true)"
done
result 'nor the cluster'"'"'s key' 0 "$(cat "$WORK_DIR"/{one,two,coordinator}/log | grep -c -e "$(value "SELECT encode(secret, 'hex') FROM tenancy_internal.cluster_keys")" || true)"
coproc WATCHED { psql -X -A -t -q -U app 2>&1; }
printf '%s\n' "$set_acme BEGIN; SELECT count(*) FROM far_logs;" >&"${WATCHED[1]}"
read -r -t 20 line <&"${WATCHED[0]}"
result '(a transaction with a claim is open)' 90 "$line"
is 'another session of the login sees no claim in pg_stat_activity' 0 "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%accept_claim(''%' AND pid <> pg_backend_pid()" -U app -p "$acme_port" -h 127.0.0.1
printf '%s\n' 'COMMIT; \q' >&"${WATCHED[1]}"
wait "${WATCHED_PID:-}" 2>"$log" || true

set_on "$acme_node" 'tenancy.require_claims = off'
sleep 1
is 'a node that serves sessions without a claim' 55000 "$set_acme SELECT count(*) FROM far_logs" -U app
is 'is reported' cluster_node "SELECT rule FROM tenancy.advise() WHERE rule = 'cluster_node'"
set_on "$acme_node" 'tenancy.require_claims = on'
sleep 1
is 'and no longer' 0 "SELECT count(*) FROM tenancy.advise() WHERE rule IN ('cluster_node', 'distributed_table')"
psql -X -q -c "UPDATE tenancy_internal.cluster_keys SET secret = sha256(secret)"
is 'another key' 28000 "$set_acme SELECT count(*) FROM far_logs" -U app
is 'is reported, too' cluster_node "SELECT rule FROM tenancy.advise() WHERE rule = 'cluster_node' LIMIT 1"
on "$acme_node" psql -X -A -t -q -c 'COPY tenancy_internal.cluster_keys TO STDOUT' >"$WORK_DIR/keys"
psql -X -q -c 'DELETE FROM tenancy_internal.cluster_keys' -c "COPY tenancy_internal.cluster_keys FROM '$WORK_DIR/keys'"
is 'the right one' 90 "$set_acme SELECT count(*) FROM far_logs" -U app

# --- revocations ---------------------------------------------------------------------------------------------------------

is 'a key that is revoked in the transaction' 28000 "SET tenancy.api_key = '$(key_of revoked)'; BEGIN; SELECT count(*) FROM far_logs; \\! psql -X -q -c \"SELECT tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'revoked'\" >/dev/null
SELECT count(*) FROM far_logs;" -U plain
is 'a role that is taken away in the transaction' 0 "$set_acme SET tenancy.\"user\" = 'two@acme.test'; BEGIN; SELECT count(*) FROM far_logs; \\! psql -X -q -c \"SELECT tenancy.remove_member('acme', 'two@acme.test')\" >/dev/null
ROLLBACK; SELECT count(*) FROM far_logs;" -U app

# --- policies ----------------------------------------------------------------------------------------------------------------

is 'a restrictive policy' 55000 "CREATE POLICY narrow ON far_logs AS RESTRICTIVE USING (model <> 'm1')"
is 'whose copy would be permissive' 55000 "SET tenancy.guard_rails = off; CREATE POLICY narrow ON far_logs AS RESTRICTIVE USING (model <> 'm1')"
psql -X -q -c 'SET tenancy.guard_rails = off' -c 'SET citus.enable_ddl_propagation = off' -c "CREATE POLICY narrow ON far_logs AS RESTRICTIVE USING (model <> 'm1')"
is 'one on the coordinator alone' 0A000 "$set_acme SELECT count(*) FROM far_logs" -U app
psql -X -q -c 'SET citus.enable_ddl_propagation = off' -c 'SET tenancy.guard_rails = off' -c 'DROP POLICY narrow ON far_logs'
is 'and without it' 90 "$set_acme SELECT count(*) FROM far_logs" -U app
is 'a table with a restrictive policy' 0A000 "CREATE TABLE narrow (organization_id uuid PRIMARY KEY); SELECT tenancy.protect('narrow', 'logs', 'organization_id'); CREATE POLICY p ON narrow AS RESTRICTIVE USING (true); SELECT tenancy.distribute('narrow')"

# --- DDL -----------------------------------------------------------------------------------------------------------------

is 'protected again' 0A000 "SELECT tenancy.protect('far_logs', 'logs', 'organization_id')"
is 'unprotected' 0A000 "SELECT tenancy.unprotect('far_logs')"
is 'with rows of no tenant' 0A000 "CREATE TABLE common (organization_id uuid); SELECT tenancy.protect('common', 'logs', 'organization_id', shared => true); SELECT tenancy.distribute('common')"
is 'not protected' 55000 "CREATE TABLE bare (organization_id uuid PRIMARY KEY); SELECT tenancy.distribute('bare')"
is 'by an external id' 0A000 "CREATE TABLE lettered (organization text PRIMARY KEY); SELECT tenancy.protect('lettered', 'logs', 'organization'); SELECT tenancy.distribute('lettered')"
is 'by something else' 22023 "SELECT tenancy.distribute('here_logs', 'workspace')"
is 'not by others than superusers' 42501 "SELECT tenancy.distribute('here_logs')" -U app
is 'nor can it be distributed without our help' 55000 "SELECT create_distributed_table('narrow', 'organization_id')"
is 'a protected table that is distributed otherwise' 0A000 "DROP POLICY p ON narrow; SELECT create_distributed_table('narrow', 'organization_id', colocate_with => 'none'); GRANT SELECT ON narrow TO app; SET SESSION AUTHORIZATION app; $set_acme SELECT count(*) FROM narrow"
is 'a reference table' 0A000 "SET client_min_messages = error; SELECT create_reference_table('lettered'); GRANT SELECT ON lettered TO app; SET SESSION AUTHORIZATION app; $set_acme SELECT count(*) FROM lettered"
is 'both are reported' 2 "SELECT count(*) FROM tenancy.advise() WHERE rule = 'distributed_table'"
psql -X -q -c 'DROP TABLE narrow, lettered, bare, common'
psql -X -q -c "CREATE TABLE far_days_2 PARTITION OF far_days FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')"
is 'a partition made later' 1 "$set_acme INSERT INTO far_days (workspace_id, id, at) VALUES ('$search', 1, '2026-02-10'); SELECT count(*) FROM far_days WHERE at > '2026-02-01'" -U app
psql -X -q -c 'GRANT SELECT ON far_days_2 TO app'
is 'a partition by its own name' 1 "$set_acme SELECT count(*) FROM far_days_2" -U app
is 'for another organization' 0 "$set_globex SELECT count(*) FROM far_days_2" -U app
is 'dropped' '' "DROP TABLE far_days_2"
is 'a column added' 90 "ALTER TABLE far_logs ADD COLUMN note text DEFAULT 'x'; SET SESSION AUTHORIZATION app; $set_acme SELECT count(note) FROM far_logs"
psql -X -q -c 'ALTER TABLE far_logs DROP COLUMN note'
is 'row security switched off' 55000 'ALTER TABLE far_logs DISABLE ROW LEVEL SECURITY'
is 'a policy dropped' 55000 'DROP POLICY tenancy_select ON far_logs'

# --- work on all rows ------------------------------------------------------------------------------------------------------

is 'export' 90 "SELECT count(*) FROM tenancy.export_organization('acme') WHERE relation = 'far_logs'::regclass"

# --- other nodes ----------------------------------------------------------------------------------------------------------

few=("${principals[0]}" "${principals[3]}" "${principals[4]}" "${principals[11]}" "${principals[13]}")
for name in one two; do [[ $name == "$acme_node" ]] || other_node=$name; done
psql -X -q -c 'SET client_min_messages = error' -c "SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('far_logs', '$acme'::uuid), '127.0.0.1', $acme_port, '127.0.0.1', $(port_of "$other_node"), 'force_logical')" >"$log"
result 'a shard is moved' "$(port_of "$other_node")" "$(node_of "$acme")"
matrix 'moved' "${few[@]}"
psql -X -q -c "SELECT citus_add_node('127.0.0.1', $(port_of three))" >"$log"
is 'a node without a key is reported' cluster_node "SELECT rule FROM tenancy.advise() WHERE rule = 'cluster_node' LIMIT 1"
psql -X -q -c 'SET client_min_messages = error' -c "SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('far_logs', '$acme'::uuid), '127.0.0.1', $(port_of "$other_node"), '127.0.0.1', $(port_of three), 'block_writes')" >"$log"
is 'and gets no claim as long as it serves sessions without one' 55000 "$set_acme SELECT count(*) FROM far_logs" -U app
set_on three 'tenancy.require_claims = on'
sleep 1
is 'and accepts none without the key' 28000 "$set_acme SELECT count(*) FROM far_logs" -U app
give_key three
matrix 'on a node added later' "${few[@]}"
psql -X -q -c 'SET client_min_messages = error' -c 'SELECT rebalance_table_shards()' >"$log" 2>&1
matrix 'rebalanced' "${few[@]}"
psql -X -q -c 'SET client_min_messages = error' -c "SELECT citus_set_node_property('127.0.0.1', $coordinator_port, 'shouldhaveshards', true)" \
  -c "SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('far_logs', '$acme'::uuid), '127.0.0.1', $(node_of "$acme"), '127.0.0.1', $coordinator_port, 'block_writes')" >"$log"
result 'the coordinator has the shard' "$coordinator_port" "$(node_of "$acme")"
matrix 'on the coordinator' "${few[@]}"

psql -X -q -c 'SET client_min_messages = error' -c "SELECT undistribute_table('far_prompts')" >"$log"
is 'undistributed, a table is closed' 0 "$set_acme SELECT count(*) FROM far_prompts" -U app
psql -X -q -c 'SET client_min_messages = error' -c "SELECT tenancy.protect('far_prompts', 'prompts', 'organization_id', 'workspace_id', 'user_id')" >"$log"
is 'protected, it is as before' 90 "$set_acme SELECT count(*) FROM far_prompts" -U app
is 'and can be distributed again' 90 "SELECT tenancy.distribute('far_prompts'); SET SESSION AUTHORIZATION app; $set_acme SELECT count(*) FROM far_prompts"
psql -X -q -c 'SET client_min_messages = error' -c "SELECT alter_distributed_table('far_prompts', shard_count => 8, cascade_to_colocated => false)" >"$log" 2>&1 || true
is 'with other shards, it is refused or right' t "SELECT '$(answer "$set_acme SELECT count(*) FROM far_prompts" -U app)' IN ('0A000', '0', '90')"

psql -X -q -c 'SET client_min_messages = error' -c 'DROP TABLE far_prompts' >"$log"
is 'rows keep a workspace' 55000 "SELECT tenancy.delete_workspace('acme/support')"
is 'which goes with its rows' 60 "SELECT tenancy.delete_workspace('acme/support', with_rows => true); SELECT count(*) FROM far_logs WHERE organization_id = '$acme'"
is 'a purge' 60 "SET client_min_messages = error; SELECT tenancy.purge_organization('globex'); SELECT count(*) FROM far_logs"

if [[ ${FIGURES-} == yes ]]; then
  psql -X -q -c 'SET client_min_messages = error' -c "SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('far_logs', '$acme'::uuid), '127.0.0.1', $coordinator_port, '127.0.0.1', $(port_of one), 'block_writes')" >"$log"
  for name in one two three coordinator; do set_on "$name" 'log_statement = none'; done
  sleep 1
  key=$(key_of acme)
  say "SELECT id, model FROM open WHERE organization_id = '$acme' ORDER BY id DESC LIMIT 50;" >"$WORK_DIR/hand.sql"
  say 'SELECT id, model FROM far_logs ORDER BY id DESC LIMIT 50;' >"$WORK_DIR/claim.sql"
  say 'SELECT id, model FROM here_logs ORDER BY id DESC LIMIT 50;' >"$WORK_DIR/local.sql"
  for name in hand claim local; do
    { say 'BEGIN;'; for _ in {1..20}; do cat "$WORK_DIR/$name.sql"; done; say 'COMMIT;'; } >"$WORK_DIR/$name-20.sql"
  done
  chmod 644 "$WORK_DIR"/*.sql
  for round in 1 2 3; do
    for name in local hand claim local-20 hand-20 claim-20; do
      say "round $round, $name: $(PGOPTIONS="-c tenancy.api_key=$key" pgbench -n -M simple -U plain -T 4 -f "$WORK_DIR/$name.sql" postgres 2>&1 | sed -n 's/^latency average = //p')"
    done
  done
fi

say "$passed passed, $failed failed"
[[ $failed == 0 ]]
