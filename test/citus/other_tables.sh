# shellcheck shell=bash
# Part of scripts/check-citus.sh: protected tables that Citus' own functions distribute, change and make anew. Each works or is
# refused, and record, policies and guard rails stay.

say 'functions of Citus'
psql -X -q -v ON_ERROR_STOP=1 >"$log" <<'SQL'
SET client_min_messages = error;
CREATE TABLE moved (LIKE here_logs INCLUDING DEFAULTS INCLUDING INDEXES);
INSERT INTO moved SELECT * FROM here_logs;
SELECT tenancy.protect('moved', 'logs', 'organization_id', 'workspace_id', 'user_id');
SELECT tenancy.distribute('moved');
GRANT ALL ON moved TO app, plain, mike;
SQL
quiet='SET client_min_messages = error;'
# stays NAME ROWS: what its owner sees, that nobody can open it, and that it is recorded once.
stays() {
  is "$1: a member's rows" "$2" "$set_acme SELECT count(*) FROM ${3:-moved}" -U app
  is "$1: nobody's" "${4:-0}" "SELECT count(*) FROM ${3:-moved}" -U plain
  is "$1: no other policy" 55000 "$quiet CREATE POLICY other ON ${3:-moved} USING (true)"
  is "$1: row security stays" 55000 "$quiet ALTER TABLE ${3:-moved} DISABLE ROW LEVEL SECURITY"
}
stays 'distributed' 90
for call in "shard_count => 8, cascade_to_colocated => false" "shard_count => 8, cascade_to_colocated => true" "colocate_with => 'none'" \
  "distribution_column => 'workspace_id'"; do
  is "alter_distributed_table(): $call" 0A000 "$quiet SELECT alter_distributed_table('moved', $call)"
done
stays 'and after' 90
is 'protected again' 0A000 "SELECT tenancy.protect('moved', 'logs', 'organization_id')"
is 'unprotected' 0A000 "SELECT tenancy.unprotect('moved')"
is 'undistributed' '' "$quiet SELECT undistribute_table('moved')"
is 'it is closed' closed_table "SELECT rule FROM tenancy.advise() WHERE object = 'public.moved' AND rule = 'closed_table'"
stays 'undistributed' 0
is 'protected' '' "$quiet SELECT tenancy.protect('moved', 'logs', 'organization_id', 'workspace_id', 'user_id')"
stays 'undistributed, and protected' 90
is 'recorded once' 1 "SELECT count(*) FROM tenancy.protected_tables WHERE relation::text ~ '^(public.)?moved'"
is 'distributed by Citus, without interruption' '' "$quiet SELECT create_distributed_table_concurrently('moved', 'organization_id', colocate_with => 'tenancy_cluster.door')"
stays 'without distribute()' 0A000 moved 0A000
is 'which is reported' distributed_table "SELECT rule FROM tenancy.advise() WHERE object = 'public.moved' AND rule = 'distributed_table'"
is 'and undone' '' "$quiet SELECT undistribute_table('moved'); SELECT tenancy.protect('moved', 'logs', 'organization_id', 'workspace_id', 'user_id'); SELECT tenancy.distribute('moved')"
stays 'distributed again' 90
is 'what is protected, as a table of the coordinator in metadata' '' "$quiet CREATE TABLE kept_here (LIKE here_logs INCLUDING DEFAULTS INCLUDING INDEXES); INSERT INTO kept_here SELECT * FROM here_logs; SELECT tenancy.protect('kept_here', 'logs', 'organization_id', 'workspace_id', 'user_id'); GRANT SELECT ON kept_here TO app, plain; SELECT citus_add_local_table_to_metadata('kept_here')"
stays 'in metadata' 0A000 kept_here 0A000
is 'undistributed, it is closed' 0 "$quiet SELECT undistribute_table('kept_here'); SET SESSION AUTHORIZATION app; $set_acme SELECT count(*) FROM kept_here"
is 'a partition that is attached, with rows' 180 "$quiet CREATE TABLE far_days_3 (LIKE far_days INCLUDING ALL); INSERT INTO far_days_3 SELECT organization_id, workspace_id, user_id, id, model, '2026-03-05' FROM here_logs; ALTER TABLE far_days ATTACH PARTITION far_days_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01'); GRANT ALL ON far_days_3 TO app, plain; SET SESSION AUTHORIZATION app; $set_acme SELECT count(*) FROM far_days"
stays 'by its own name' 90 far_days_3
is 'one without the defaults' 0A000 "$quiet CREATE TABLE far_days_4 (LIKE far_days INCLUDING INDEXES); ALTER TABLE far_days ATTACH PARTITION far_days_4 FOR VALUES FROM ('2026-04-01') TO ('2026-05-01')"
is 'detached' '' "$quiet ALTER TABLE far_days DETACH PARTITION far_days_3"
stays 'detached' 90 far_days_3
is 'export of a table of a role that row security filters' 0A000 "ALTER TABLE moved OWNER TO keeper; SELECT count(*) FROM tenancy.export_organization('acme') WHERE relation = 'moved'::regclass"
is 'and of one that it does not' 90 "ALTER ROLE keeper LOGIN BYPASSRLS; SELECT count(*) FROM tenancy.export_organization('acme') WHERE relation = 'moved'::regclass"
is 'only for whoever may export' 42501 "$set_globex SELECT count(*) FROM tenancy.export_organization('acme')" -U app
is 'for a member' 10 "SELECT (s.result ->> 'count')::int FROM tenancy.simulate('SELECT count(*) FROM moved', 'mike@acme.test', login => 'mike') s (result)"
is 'each node has the policies of each shard' f "SELECT bool_or(result <> '4') FROM run_command_on_shards('moved', \$\$SELECT count(*) FROM pg_catalog.pg_policy WHERE polrelid = '%s'::pg_catalog.regclass AND polname ~ '^tenancy_'\$\$)"
is 'and forces them' t "SELECT bool_and(result = 't') FROM run_command_on_shards('moved', \$\$SELECT relrowsecurity AND relforcerowsecurity FROM pg_catalog.pg_class WHERE oid = '%s'::pg_catalog.regclass\$\$)"
is 'restrictive policies: by name' 55000 "CREATE POLICY narrow ON moved AS RESTRICTIVE FOR SELECT USING (model <> 'm1')"
is 'of a partition' 55000 "CREATE POLICY narrow ON far_days_1 AS RESTRICTIVE USING (model <> 'm1')"
is 'by ALTER POLICY' 55000 "ALTER POLICY tenancy_select ON moved USING (true)"
is 'on a worker' f "SELECT bool_or(success) FROM run_command_on_workers('CREATE POLICY narrow ON public.moved AS RESTRICTIVE USING (true)')"
is 'no function in SQL reads past the planner' 0A000 "$quiet CREATE FUNCTION in_sql() RETURNS SETOF here_logs LANGUAGE sql STABLE AS 'SELECT * FROM moved'; SET SESSION AUTHORIZATION app; $set_acme SELECT count(*) FROM in_sql()"
psql -X -q -c 'SET client_min_messages = error' -c 'DROP FUNCTION in_sql' -c 'DROP TABLE moved, kept_here, far_days_3, far_days_4' >"$log" 2>&1 || true
