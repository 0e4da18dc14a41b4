# shellcheck shell=bash
# Part of scripts/check-citus.sh: sessions on a worker, with a claim and without, that administer or want rows.

say 'sessions on workers'
# with_claim SETTING STATEMENT...: the last answer on the worker that has acme's rows, in a transaction with a claim.
with_claim() {
  local setting=$1 challenge claim found
  shift
  coproc NODE { psql -X -A -t -q -v VERBOSITY=verbose -v SHOW_CONTEXT=never -v ON_ERROR_ROLLBACK=on -U app -h 127.0.0.1 -p "$acme_port" 2>&1; }
  say 'BEGIN; SELECT tenancy.claim_challenge();' >&"${NODE[1]}"
  read -r -t 20 challenge <&"${NODE[0]}"
  claim=$(answer "$setting; SELECT tenancy.sign_claim('$challenge')" -U app)
  printf '%s\n' "SELECT '' FROM tenancy.accept_claim('$claim');" "$@" '\echo done' '\q' >&"${NODE[1]}"
  exec 7<&"${NODE[0]}"
  found=$(sed '/^done$/q' <&7 | grep -Ev "$noise" | tail -n 1)
  wait "${NODE_PID:-}" 2>"$log" || true
  [[ $found =~ ERROR:\ +([0-9A-Z]{5}) ]] && found=${BASH_REMATCH[1]}
  say "$found"
}
acme_shard=$(shard_of far_logs "$acme")
see_shards='SET citus.override_table_visibility = off;'
result 'a claim gives rows' 90 "$(with_claim "$set_acme" "$see_shards SELECT count(*) FROM $acme_shard;")"
result 'and is of one principal' "$acme" "$(with_claim "$set_acme" 'SELECT organization_id FROM tenancy.whoami();')"
result 'it cannot be made longer by another one' t "$(with_claim "$set_acme" "SELECT length(tenancy.sign_claim(tenancy.claim_challenge())) > 0;")"
while IFS= read -r statement; do
  result "administration by claim: $statement" 55000 "$(with_claim "$set_acme" "SELECT * FROM tenancy.$statement;")"
done <<'SQL'
create_api_key('organization_service_key', 'on a worker')
create_api_key('workspace_service_key', 'on a worker', workspace => 'acme/search')
invite('acme', 'new@acme.test', 'member')
create_workspace('acme', 'new')
create_organization('New', 'olivia@acme.test')
set_setting('acme', 'members_view_all_data', true)
set_logging(NULL, 'legal_hold', 'on')
set_organization_role('acme', 'mike@acme.test', 'owner')
remove_organization_member('acme', 'mike@acme.test')
revoke_api_key('00000000-0000-0000-0000-000000000001')
close_organization('acme')
trust_login('app')
access_review()
who_can('logs', 'view')
settings()
SQL
result 'questions about rights are answered' "$acme" "$(with_claim "$set_acme" "SELECT tenancy.current_organization_id() FROM tenancy.require('logs', 'view');")"
result 'a settings of the worker do not count' 90 "$(with_claim "$set_acme" "SET tenancy.\"user\" = 'gus@globex.test'; $see_shards SELECT count(*) FROM $acme_shard;")"
result 'nor does a second claim of another principal' 28000 "$(with_claim "$set_acme" "SELECT tenancy.accept_claim('$(answer "$set_globex SELECT tenancy.sign_claim('AQAAAAFrCcnHNI1o3AAAAAUAAAA0')" -U app)');")"
result 'nothing was administered' 0 "$(on "$acme_node" answer 'SELECT count(*) FROM tenancy.organizations, tenancy.api_keys')"
for way in "SELECT count(*) FROM far_logs" "INSERT INTO far_logs (organization_id, id) VALUES ('$acme', 5000)" "DELETE FROM far_logs" \
  "SELECT * FROM tenancy.create_api_key('organization_service_key', 'on a worker')" "SELECT * FROM tenancy.whoami()" \
  "SELECT count(*) FROM far_logs, far_prompts" "EXPLAIN SELECT count(*) FROM far_logs" "SELECT far_counted()"; do
  is "entering by a worker: $way" 28000 "$set_acme $way" -U app -h 127.0.0.1 -p "$acme_port"
done
is 'also with a key' 28000 "SET tenancy.api_key = '$(key_of acme)'; SELECT count(*) FROM far_logs" -U plain -h 127.0.0.1 -p "$acme_port"
is 'also in a transaction of several' 28000 "$set_acme BEGIN; SELECT 1; SELECT count(*) FROM far_logs; COMMIT" -U app -h 127.0.0.1 -p "$acme_port"
is 'a protected table of the worker alone, too' 28000 "SELECT count(*) FROM tenancy.organizations" -U app -h 127.0.0.1 -p "$acme_port"
is 'a worker distributes nothing' 55000 "CREATE TABLE near (organization_id uuid PRIMARY KEY); SELECT tenancy.protect('near', 'logs', 'organization_id'); SELECT tenancy.distribute('near')" -h 127.0.0.1 -p "$acme_port"
on "$acme_node" psql -X -q -c 'DROP TABLE IF EXISTS near'
for change in 'CREATE POLICY other ON @ USING (true)' 'CREATE POLICY narrow ON @ AS RESTRICTIVE USING (true)' 'ALTER POLICY tenancy_select ON @ USING (true)' \
  'ALTER TABLE ONLY @ DISABLE ROW LEVEL SECURITY' 'ALTER TABLE ONLY @ NO FORCE ROW LEVEL SECURITY'; do
  for table in far_logs "$acme_shard"; do
    result "on a worker: ${change//@/$table}" 55000 \
      "$(on "$acme_node" answer "$see_shards SET citus.enable_ddl_propagation = off; SET citus.enable_manual_changes_to_shards = on; ${change//@/$table}")"
  done
done
for name in one two; do
  result "advise() has nothing to say about shards: $name" 0 "$(on "$name" answer "SELECT count(*) FROM tenancy.advise() WHERE object ~ 'far_' AND severity = 'error'")"
done
