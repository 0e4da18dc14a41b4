# shellcheck shell=bash
# Part of scripts/check-citus.sh: hot standbys of the workers and of the coordinator.

say 'standbys'
# make_standby NAME OF: a hot standby, with the settings of what it follows.
make_standby() {
  local dir=$WORK_DIR/$1 port
  port=$(free_port)
  mkdir "$dir"
  chmod 700 "$dir"
  give_to_server_user "$dir"
  on "$2" as_server_user "$(server_bin)/pg_basebackup" -h "$WORK_DIR/$2" -p "$(port_of "$2")" -U postgres -D "$dir/data" -R -X stream -c fast
  printf '%s\n' "port = $port" "unix_socket_directories = '$dir'" | as_server_user tee -a "$dir/data/postgresql.conf" >"$log"
  say "export PGHOST='$dir' PGPORT=$port PGUSER=postgres PGDATABASE=postgres" >"$dir/environment"
  (start_cluster "$dir")
}
for name in one two coordinator; do make_standby "standby_of_$name" "$name"; done
for name in one two; do
  value "SELECT citus_add_secondary_node('127.0.0.1', $(port_of "standby_of_$name"), '127.0.0.1', $(port_of "$name"))" >"$log"
done
# Each query of this coordinator then reads a standby of a worker.
say "citus.use_secondary_nodes = 'always'" | as_server_user tee -a "$WORK_DIR/standby_of_coordinator/data/postgresql.conf" >"$log"
stop_server "$WORK_DIR/standby_of_coordinator"
(start_cluster "$WORK_DIR/standby_of_coordinator")
caught_up() {
  local now
  now=$(value 'SELECT pg_current_wal_insert_lsn()')
  for _ in {1..100}; do
    [[ $(on standby_of_coordinator answer "SELECT pg_last_wal_replay_lsn() >= '$now'") == t ]] && return
    sleep 0.1
  done
}
caught_up
on_standby() { on standby_of_coordinator answer "$@"; }
for principal in "${principals[@]}"; do
  rest=${principal#*|}
  for query in 'SELECT count(*) || coalesce(md5(string_agg(id::text, $$,$$ ORDER BY id)), $$-$$) FROM TABLE' \
    'SELECT count(*) FROM TABLE a JOIN TABLE b USING (organization_id, id)' \
    'BEGIN; SELECT count(*) FROM TABLE; SELECT count(*) FROM TABLE WHERE id < 20' \
    'PREPARE q AS SELECT count(*) FROM TABLE; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q; EXECUTE q'; do
    result "on standbys: ${principal%%|*}: $query" "$(answer "${rest#*|}; ${query//TABLE/here_logs}" -U "${rest%%|*}")" \
      "$(on_standby "${rest#*|}; ${query//TABLE/far_logs}" -U "${rest%%|*}")"
  done
done
result '(the standby of the worker was read)' t "$([[ $(grep -c 'accept_claim' "$WORK_DIR/standby_of_$acme_node/log") -gt 0 ]] && echo t)"
result 'nothing is written there' 25006 "$(on_standby "$set_acme DELETE FROM far_logs" -U app)"
result 'entering by the standby of a worker' 28000 "$(on "standby_of_$acme_node" answer "$set_acme SELECT count(*) FROM far_logs" -U app)"
result 'a shard of it' 28000 "$(on "standby_of_$acme_node" answer "SET citus.override_table_visibility = off; SELECT count(*) FROM $(shard_of far_logs "$acme")" -U app)"
result 'nothing is administered there' 25006 "$(on_standby "$set_acme SELECT tenancy.create_api_key('organization_service_key', 'x', 'acme')" -U app)"
say 'tenancy.require_claims = off' | as_server_user tee -a "$WORK_DIR/standby_of_$acme_node/data/postgresql.auto.conf" >"$log"
on "standby_of_$acme_node" psql -X -q -c 'SELECT pg_reload_conf()' >"$log"
sleep 1
result 'a standby that serves sessions without a claim' 55000 "$(on_standby "$set_acme SELECT count(*) FROM far_logs" -U app)"
say 'tenancy.require_claims = on' | as_server_user tee -a "$WORK_DIR/standby_of_$acme_node/data/postgresql.auto.conf" >"$log"
on "standby_of_$acme_node" psql -X -q -c 'SELECT pg_reload_conf()' >"$log"
sleep 1
result 'and one that does not' 90 "$(on_standby "$set_acme SELECT count(*) FROM far_logs" -U app)"
psql -X -q -c "INSERT INTO secrets SELECT 'short', secret FROM tenancy.create_api_key('organization_service_key', 'short', 'acme', scopes => '[\"logs.list\", \"logs.view\"]')"
caught_up
set_short="SET tenancy.api_key = '$(key_of short)';"
result 'a key' 90 "$(on_standby "$set_short SELECT count(*) FROM far_logs" -U plain)"
psql -X -q -c "SELECT tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'short'" >"$log"
caught_up
result 'that is revoked' 28000 "$(on_standby "$set_short SELECT count(*) FROM far_logs" -U plain)"
for name in one two; do
  value "SELECT citus_remove_node('127.0.0.1', $(port_of "standby_of_$name"))" >"$log"
done
for name in one two coordinator; do stop_server "$WORK_DIR/standby_of_$name"; done
