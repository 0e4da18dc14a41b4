-- Functions that parallel workers call, and that read what the query does not: a worker has none of its leader's memory.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
CREATE TABLE lines (line text) WITH (parallel_workers = 1);
INSERT INTO lines VALUES ('x');
GRANT SELECT ON lines TO regress_app;
CREATE FUNCTION seen(text) RETURNS boolean STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'seen: %', (SELECT string_agg(id::text, ' ' ORDER BY id) FROM app.logs); END $$;
-- From 16 on
SELECT set_config(CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', false) AS workers \gset
SET parallel_leader_participation = off;
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
-- Who the session is cannot be changed there, sealed or not; in the leader it can, if it is not sealed.
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT count(*) FROM lines WHERE seen(line);
RESET SESSION AUTHORIZATION;
CREATE FUNCTION gus(text) RETURNS boolean STABLE PARALLEL SAFE LANGUAGE plpgsql SET tenancy."user" = 'gus@globex.test' AS $$ BEGIN RETURN app.seen($1); END $$;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT count(*) FROM lines WHERE gus(line);
BEGIN;
SELECT tenancy.seal();
SELECT count(*) FROM lines WHERE gus(line);
ROLLBACK;
-- What has ended before a statement of a message begins has ended there, too.
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member', until => clock_timestamp() + interval '2 seconds');
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT count(*) FROM lines WHERE seen(line);
DO $$ BEGIN PERFORM pg_sleep(2.2); PERFORM count(*) FROM lines WHERE seen(line); END $$;
RESET SESSION AUTHORIZATION;
