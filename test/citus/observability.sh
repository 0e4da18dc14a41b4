# shellcheck shell=bash
# Part of scripts/check-citus.sh: the tables that create_observability(distributed => true) makes.

say 'observability'
is 'by a superuser only' 42501 "SELECT tenancy.create_observability('app', distributed => true)" -U app
psql -X -q -v ON_ERROR_STOP=1 >"$log" <<'SQL'
SET client_min_messages = warning;
SELECT tenancy.create_observability(partition_by => 'month', distributed => true);
GRANT USAGE ON SCHEMA observability TO plain;
GRANT SELECT, INSERT, UPDATE, DELETE ON observability.logs, observability.log_payloads, observability.traces TO plain;
GRANT SELECT ON observability.analytics, observability.log_entries TO plain;
GRANT EXECUTE ON FUNCTION observability.trace_tree TO plain;
INSERT INTO secrets SELECT 'lister', secret FROM tenancy.create_api_key('workspace_service_key', 'lister', workspace => 'acme/search',
  scopes => '["completions.write", "logs.list"]');
INSERT INTO secrets SELECT 'viewer', secret FROM tenancy.create_api_key('workspace_service_key', 'viewer', workspace => 'acme/search',
  scopes => '["completions.write", "logs.list", "logs.view", "analytics.view", "traces.view", "traces.write"]');
SQL
set_viewer="SET tenancy.api_key = '$(key_of viewer)';" set_lister="SET tenancy.api_key = '$(key_of lister)';"
set_whole="SET tenancy.api_key = '$(key_of acme)';" set_other="SET tenancy.api_key = '$(key_of globex)';"
logs=observability.logs analytics=observability.analytics
at="date_trunc('hour', now())"
is 'their tables are all distributed' 4 "SELECT count(*) FROM pg_dist_partition d JOIN pg_class c ON c.oid = d.logicalrelid WHERE c.relnamespace = 'observability'::regnamespace AND c.relkind = 'p'"
is 'a log' 1 "$set_viewer INSERT INTO $logs (log_id, request_model, cost, usage_input_tokens, start_time) VALUES ('00000000-0000-0000-0000-000000000001', 'small', 0.5, 10, $at); SELECT count(*) FROM $logs WHERE workspace_id = '$search' AND api_key_id IS NOT NULL" -U plain
is 'written again' 1 "$set_viewer INSERT INTO $logs (log_id, request_model, cost, start_time) VALUES ('00000000-0000-0000-0000-000000000001', 'large', 9, $at) ON CONFLICT DO NOTHING; SELECT count(*) FROM $logs" -U plain
is 'the same id in another organization' 1 "$set_other INSERT INTO $logs (log_id, request_model, cost, start_time) VALUES ('00000000-0000-0000-0000-000000000001', 'large', 9, $at); SELECT count(*) FROM $logs" -U plain
is 'its content' 1 "$set_viewer INSERT INTO observability.log_payloads (log_id, start_time, request, response) VALUES ('00000000-0000-0000-0000-000000000001', $at, '1', '2'); SELECT count(*) FROM observability.log_payloads" -U plain
is 'with its log' 'small|1|2' "$set_viewer SELECT request_model, request, response FROM observability.log_entries" -U plain
is 'which who may only list does not see' 'small||' "$set_lister SELECT request_model, request, response FROM observability.log_entries" -U plain
is 'nor by itself' 0 "$set_lister SELECT count(*) FROM observability.log_payloads" -U plain
is 'another organization sees its own' 'large|' "$set_other SELECT request_model, request FROM observability.log_entries" -U plain
is 'nobody sees any' 0 "SELECT count(*) FROM observability.log_entries" -U plain
is 'one shard for both' 1 "$set_viewer SELECT tasks_of('SELECT * FROM observability.log_entries ORDER BY start_time DESC LIMIT 50')" -U plain
is 'of another workspace' 42501 "$set_viewer INSERT INTO $logs (workspace_id, start_time) VALUES ('$support', now())" -U plain
is 'out of bounds' 23514 "$set_viewer INSERT INTO $logs (start_time) VALUES ('2300-01-01')" -U plain
is 'spans' '0root,1leaf,1twig' "$set_viewer INSERT INTO observability.traces (trace_id, span_id, parent_span_id, start_time, name) VALUES ('t', 'leaf', 'root', $at, 'b'), ('t', 'root', NULL, $at, 'a'), ('t', 'twig', 'root', $at, 'c'); SELECT string_agg(depth || span_id, ',') FROM observability.trace_tree('t')" -U plain
is 'of others' 0 "$set_other SELECT count(*) FROM observability.trace_tree('t')" -U plain
is 'and without the right' 0 "$set_lister SELECT count(*) FROM observability.trace_tree('t')" -U plain

sums="string_agg(concat_ws(',', request_model, requests, cost, usage_input_tokens), ' ' ORDER BY request_model)"
is 'the roll-up' 1 'SELECT observability.refresh_analytics()'
is 'has the sums' 'small,1,0.5,10' "$set_viewer SELECT $sums FROM $analytics" -U plain
is 'of each organization' 'large,1,9,0' "$set_other SELECT $sums FROM $analytics" -U plain
is 'not for who may only list' 0 "$set_lister SELECT count(*) FROM $analytics" -U plain
is 'a log that changes' 1 "UPDATE $logs SET request_model = 'medium', cost = 0.7 WHERE organization_id = '$acme'; SELECT observability.refresh_analytics()"
is 'is summed up anew' 'medium,1,0.7,10' "$set_viewer SELECT $sums FROM $analytics" -U plain
psql -X -q -c "DELETE FROM $logs WHERE organization_id = '$acme'"
is 'and one that goes' 'small,1,0.1,0' "$set_viewer INSERT INTO $logs (request_model, cost, start_time) VALUES ('small', 0.1, $at);
\\! psql -X -q -c 'SELECT observability.refresh_analytics()' >/dev/null
SELECT $sums FROM $analytics" -U plain
is 'of everybody' t "SELECT (SELECT sum(cost) FROM $analytics) = (SELECT sum(cost) FROM $logs)"
late="date_trunc('month', now()) - interval '70 days'"
is 'a log that comes late' 1 "$set_whole INSERT INTO $logs (request_model, cost, start_time) VALUES ('late', 4, $late); SELECT count(*) FROM $logs WHERE request_model = 'late'" -U plain
is 'is noticed on request' '0 4' "SELECT observability.refresh_analytics(); SELECT coalesce(sum(cost), 0) AS before FROM $analytics WHERE request_model = 'late' \\gset
SELECT observability.invalidate_analytics($late); SELECT observability.refresh_analytics();
SELECT :before || ' ' || sum(cost) FROM $analytics WHERE request_model = 'late'"
is 'partitions move rows out of the default one' 1 "SET client_min_messages = error; SELECT observability.create_partitions('1 day', $late) > 0; SELECT count(*) FROM $logs WHERE request_model = 'late' AND start_time < now() - interval '60 days'"
is 'with their tenant' 1 "$set_whole SELECT count(*) FROM $logs WHERE request_model = 'late'" -U plain
is 'only that one' 0 "$set_other SELECT count(*) FROM $logs WHERE request_model = 'late'" -U plain
is 'old partitions go, sums stay' '1 0 4' "SET client_min_messages = error; SELECT observability.drop_partitions('logs', '30 days', keep_analytics => true) AS dropped \\gset
SELECT observability.refresh_analytics(); SELECT concat_ws(' ', :dropped, (SELECT count(*) FROM $logs WHERE request_model = 'late'), (SELECT sum(cost) FROM $analytics WHERE request_model = 'late'))"
is 'for ever' 4 "SELECT observability.invalidate_analytics(); SELECT observability.refresh_analytics(); SELECT sum(cost) FROM $analytics WHERE request_model = 'late'"
is 'no job had a problem' 0 'SELECT count(*) FROM observability.job_problems'
is 'search' 1 "SET client_min_messages = error; SELECT tenancy.add_observability_search(metadata_keys => '{team}', words => true); SET ROLE plain; $set_viewer SELECT count(*) FROM observability.log_payloads WHERE words IS NOT NULL"
later="date_trunc('month', now()) - interval '130 days'"
is 'also of what came late, in the default partition' 1 "$set_viewer INSERT INTO observability.log_payloads (log_id, start_time, request) VALUES ('00000000-0000-0000-0000-000000000002', $later, '\"word\"'); RESET ROLE; SELECT count(*) FROM observability.log_payloads WHERE words @@ 'word'" -U plain
is 'which it leaves, too' '1 0' "$quiet SELECT observability.create_partitions('1 day', $later); SELECT concat_ws(' ', (SELECT count(*) FROM observability.log_payloads WHERE words @@ 'word'), (SELECT count(*) FROM observability.log_payloads_default))"
is 'no scoped view' 0A000 "SELECT tenancy.create_scoped_view('observability.log_payloads', 'observability.scoped')"
is 'nor on a table that has one' 0A000 "CREATE TABLE viewed (organization_id uuid PRIMARY KEY, content text); SELECT tenancy.protect('viewed', 'logs', 'organization_id', payload => '{content}'); SELECT tenancy.create_scoped_view('viewed', 'viewed_scoped'); SELECT tenancy.distribute('viewed')"
is 'nor logging settings' 0A000 "SELECT tenancy.apply_logging_settings('observability'::regnamespace)"
is 'which is made once' 42P07 'SELECT tenancy.create_observability(distributed => true)'
is 'up to date' '' 'SELECT tenancy.update_observability()'
psql -X -q -c 'SET client_min_messages = error' -c 'DROP TABLE viewed CASCADE' -c 'DROP SCHEMA observability CASCADE' >"$log"
is 'made again' 4 "$quiet SELECT tenancy.create_observability(partition_by => 'month'); DROP SCHEMA observability CASCADE; SELECT tenancy.create_observability(partition_by => 'month', distributed => true); SELECT count(*) FROM tenancy.protected_tables WHERE relation::text IN ('observability.logs', 'observability.log_payloads', 'observability.traces', 'observability.analytics')"
psql -X -q -c 'SET client_min_messages = error' -c 'DROP SCHEMA observability CASCADE' >"$log"
